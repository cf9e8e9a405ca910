/** The package's own files. */

/** A file of the package by its path from the root. This module lies two folders down, in src/util as in dist/chunks. */
export const packageFile = (path: string): URL => new URL(`../../${path}`, import.meta.url);
