/** Well-formedness of graphs and plans; tests run it between passes. */
export { type InferNode, verifyGraph } from "./verify/graph.ts";
export { verifyPlan } from "./verify/plan.ts";
