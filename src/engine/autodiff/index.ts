/** Derivatives of functions of tensors. */
export { type GradOf, type GradOptions, grad, type ValueAndGradOptions, valueAndGrad } from "./grad.ts";
export { gradients } from "./gradients.ts";
export { hessian, hessianVectorProduct, jacobian, vjp } from "./vjp.ts";
