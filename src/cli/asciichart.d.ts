/** asciichart ships no types. */
declare module "asciichart" {
  export function plot(
    series: readonly number[],
    options?: { height?: number; format?: (value: number) => string; offset?: number },
  ): string;
  const asciichart: { plot: typeof plot };
  export default asciichart;
}
