/** The package's version. */
import { readFileSync } from "node:fs";
import { packageFile } from "../util/index.ts";

const manifest = JSON.parse(readFileSync(packageFile("package.json"), "utf8")) as {
  version: string;
};

export const version = manifest.version;
