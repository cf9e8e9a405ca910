/** What users' modules are: experiment files and the row functions of workers. */
export { registerModules } from "./register.ts";
export { ownModule } from "./resolve.ts";
