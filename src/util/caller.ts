/** Where in the user's code a call came from. */

const own = decodeURIComponent(new URL("..", import.meta.url).pathname); // src/, or dist/ from its chunks

/** ` (at file:line:column)` of the innermost frame outside nabla and Node, or "" when the stack shows none. */
export function callerPlace(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 50;
  const frames = (new Error().stack ?? "").split("\n").slice(1);
  Error.stackTraceLimit = limit;
  for (const frame of frames) {
    const found = /\(?((?:file:\/\/|\/|[A-Za-z]:\\)[^()]*:\d+:\d+)\)?$/.exec(frame.trim())?.[1];
    if (found === undefined || found.includes("node_modules")) continue;
    const place = found.startsWith("file://") ? found.slice("file://".length) : found;
    if (!place.startsWith(own)) return ` (at ${place})`;
  }
  return "";
}
