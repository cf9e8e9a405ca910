export {
  encodeEvent,
  type HyperParameter,
  hparamsEnd,
  hparamsExperiment,
  hparamsStart,
  type PngImage,
  type SummaryValue,
} from "./events.ts";
export { EventWriter } from "./writer.ts";
