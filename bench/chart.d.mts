export function chartToSvg(option: object, size: { readonly width: number; readonly height: number }): string;
