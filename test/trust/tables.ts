/** goldens/tables.json: scikit-learn's numbers. */
import { readFileSync } from "node:fs";

interface Curve {
  readonly actual: number[];
  readonly predicted: number[];
  readonly bins: number;
  readonly strategy: "uniform" | "quantile";
}
interface Found {
  readonly mean: number[];
  readonly std: number[];
  readonly repeats: number;
}

export const tables = JSON.parse(readFileSync(new URL("./goldens/tables.json", import.meta.url), "utf8")) as {
  importance: {
    x: number[][];
    slopes: number[];
    target: number[];
    classes: number[];
    mse: Found;
    r2: Found;
    accuracy: Found;
  };
  calibration: {
    scores: number[];
    yes: number[];
    logits: number[][];
    labels: number[];
    binary: Curve[];
    classes: Curve[];
    brier: number;
    brierClasses: number;
    temperatureBinary: [temperature: number, before: number, after: number];
    temperature: [temperature: number, before: number, after: number];
  };
  groups: {
    group: string[];
    yes: number[];
    own: Record<
      string,
      {
        rows: number;
        accuracy: number;
        logLoss: number;
        selectionRate: number;
        truePositiveRate: number | null;
        falsePositiveRate: number | null;
      }
    >;
    several: Record<string, Record<string, number>>;
  };
};
