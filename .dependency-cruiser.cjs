/** The layers of docs/architecture.md: imports point down only, without cycles, and enter a folder through its index.ts. */

// From the bottom up. Folders on one line stand side by side and do not import each other, except where `beside` says so.
const layers = [
  ["util", "modules"],
  ["engine/ir"],
  ["engine/ops"],
  ["engine/compile", "engine/backend"],
  ["engine/runtime"],
  ["engine/autodiff", "engine/tensor"],
  ["testing", "files"],
  ["nn", "optim", "data", "metrics"],
  ["io"],
  ["train"],
  ["cli"],
];

/** Folders of one line of which the first may use the second. */
const beside = [
  ["engine/autodiff", "engine/tensor"],
  ["engine/tensor", "engine/autodiff"],
];

/** The addon's file and the package's version. */
const readsItsPackage = ["^src/engine/backend/cpu/addon\\.ts$", "^src/cli/version\\.ts$"];

const folder = (name) => `^src/${name}/`;

/** Below and above src/index.ts, which is the engine seen from outside. */
const engine = layers.slice(0, 7).flat();
const library = layers.slice(7).flat();

const upward = layers.flatMap((names, level) =>
  names.map((name) => {
    const allowed = layers
      .slice(0, level)
      .flat()
      .concat(name, ...beside.filter(([from]) => from === name).map(([, to]) => to));
    const forbidden = layers.flat().filter((other) => !allowed.includes(other));
    return {
      name: `layer-${name.replace("/", "-")}`,
      comment: `${name} may import only what lies below it.`,
      severity: "error",
      from: { path: folder(name) },
      to: { path: forbidden.map(folder) },
    };
  }),
);

module.exports = {
  forbidden: [
    ...upward.filter((rule) => rule.to.path.length > 0),
    {
      name: "no-circular",
      comment: "A cycle makes two files one. Types may refer to each other.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "files-in-one-place",
      comment:
        "node:fs is src/files' alone; what nabla was installed with is read by whoever needs it, before anything else.",
      severity: "error",
      from: { path: "^src/", pathNot: [folder("files"), ...readsItsPackage] },
      to: { path: "^(node:)?fs(/promises)?$" },
    },
    {
      name: "no-files-in-browsers",
      comment: "Layers, optimisers, metrics and comparisons run in browsers, which have no files.",
      severity: "error",
      from: { path: ["nn", "optim", "metrics", "testing"].map(folder) },
      to: { path: folder("files") },
    },
    {
      name: "engine-below-its-face",
      comment:
        "src/index.ts is the engine seen from outside; inside the engine import the folder that has the thing.",
      severity: "error",
      from: { path: engine.map(folder), pathNot: folder("testing") },
      to: { path: "^src/index\\.ts$" },
    },
    {
      name: "library-on-public-api",
      comment:
        "What stands on the engine uses its public folders: tensors, derivatives, devices from the runtime, and the words of ir.",
      severity: "error",
      from: { path: library.map(folder) },
      to: { path: "^src/engine/", pathNot: "^src/engine/(ir|tensor|autodiff|runtime)/index\\.ts$" },
    },
    {
      name: "face-shows-engine-only",
      comment: "src/index.ts exports the engine; the library has its own subpaths.",
      severity: "error",
      from: { path: "^src/index\\.ts$" },
      to: { path: library.map(folder) },
    },
    {
      name: "through-the-index",
      comment: "From outside, a folder is entered through its index.ts.",
      severity: "error",
      from: { path: "^src/(engine/[^/]+|[^/]+)/" },
      to: {
        path: "^src/(engine/[^/]+|[^/]+)/",
        pathNot: ["^src/$1/", "^src/(engine/(backend/)?[^/]+|[^/]+)/index\\.ts$"],
      },
    },
    {
      name: "face-through-the-index",
      comment: "src/index.ts, too, enters folders through their index.ts; of util it shows the errors only.",
      severity: "error",
      from: { path: "^src/index\\.ts$" },
      to: { path: "^src/.+/", pathNot: ["/index\\.ts$", "^src/util/error\\.ts$"] },
    },
    {
      name: "backends-apart",
      comment: "Backends do not know each other.",
      severity: "error",
      from: { path: "^src/engine/backend/([^/]+)/" },
      to: { path: "^src/engine/backend/[^/]+/", pathNot: "^src/engine/backend/$1/" },
    },
    {
      name: "no-dev-dependency",
      comment: "What src imports must be in dependencies or peerDependencies, or a fresh install breaks.",
      severity: "error",
      from: { path: "^src/" },
      to: {
        dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"],
        dependencyTypesNot: ["npm-peer", "type-only"],
      },
    },
    {
      name: "resolvable",
      comment: "An import must lead somewhere.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "\\.node$" },
    },
    {
      name: "no-orphan",
      comment: "A file that nothing imports and that imports nothing is dead.",
      severity: "error",
      from: { orphan: true, path: "^src/", pathNot: "\\.d\\.ts$" },
      to: {},
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "default"] },
  },
};
