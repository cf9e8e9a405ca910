/** How the verifier complains. */
import { InternalError } from "../../../util/index.ts";

export function fail(where: string, what: string): never {
  throw new InternalError(`verify: ${where}: ${what}`);
}
