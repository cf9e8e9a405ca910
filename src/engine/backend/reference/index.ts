/** The reference device. */
export { referenceBackend } from "./backend.ts";
