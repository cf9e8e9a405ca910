/** How modules are found: those of users, as experiment files and row functions, and this package's own programs of threads. */
export { registerModules } from "./register.ts";
export { ownModule } from "./resolve.ts";
export { startWorker } from "./start-worker.ts";
