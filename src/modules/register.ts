/** Hooks for the modules of users that this thread imports: TypeScript, and `nabla` wherever a file lies. */
import * as module from "node:module";
import { asModule, ownModule, type Resolve } from "./resolve.ts";

/** Hooks within the thread came with Node 22.15. */
interface Registers {
  readonly register: typeof module.register;
  readonly registerHooks?: (hooks: { readonly resolve: Resolve }) => void;
}

let ready: Promise<void> | null = null;

/** Once a thread, before the first import. */
export function registerModules(): Promise<void> {
  ready ??= registerAll();
  return ready;
}

/** tsx for TypeScript; before it, our own resolution. */
async function registerAll(): Promise<void> {
  const tsx = await import("tsx/esm/api");
  tsx.register();
  const { register, registerHooks }: Registers = module;
  if (registerHooks !== undefined) {
    registerHooks({
      resolve(specifier, context, next) {
        const url = ownModule(specifier);
        return url === null
          ? asModule(next(specifier, context))
          : { url, format: "module", shortCircuit: true };
      },
    });
    return;
  }
  // Node 20 runs them in a thread of their own.
  const program = import.meta.url.endsWith(".ts") ? "./resolve.ts" : "../modules/resolve.js";
  register(new URL(program, import.meta.url));
}
