export { type GradCamOptions, gradCam } from "./attribution/grad-cam.ts";
export {
  contactSheet,
  type HeatMapOptions,
  heatMap,
  type Picture,
  writePicture,
} from "./attribution/heat-map.ts";
export {
  type IntegratedGradients,
  type IntegratedGradientsOptions,
  integratedGradients,
} from "./attribution/integrated-gradients.ts";
export { type OcclusionOptions, occlusion } from "./attribution/occlusion.ts";
export type { QuadratureRule } from "./attribution/quadrature.ts";
export { type SaliencyOptions, saliency } from "./attribution/saliency.ts";
export type { Attribution, AttributionOptions, Target } from "./attribution/target.ts";
export {
  brierScore,
  type CalibrationBin,
  type CalibrationCurve,
  type CalibrationCurveOptions,
  calibrationCurve,
} from "./calibration/curve.ts";
export {
  type CalibrationScores,
  type TemperatureScaling,
  temperatureScaling,
} from "./calibration/temperature.ts";
export { type CardCalibration, type ModelCard, modelCard } from "./card/model-card.ts";
export {
  type Gap,
  type GroupOptions,
  type GroupScores,
  type MetricsByGroup,
  metricsByGroup,
} from "./groups/metrics-by-group.ts";
export type { Fairness, Rates } from "./groups/rates.ts";
export {
  type Feature,
  type Importance,
  type ImportanceOptions,
  type PermutationImportance,
  patches,
  permutationImportance,
} from "./importance.ts";
export { type FgsmOptions, fgsm, type PgdOptions, pgd } from "./robustness/attack.ts";
export type { AttackNorm } from "./robustness/norms.ts";
export { type Robustness, type RobustnessOptions, robustness } from "./robustness/robustness.ts";
