/** SVG paths of a chart 100 high and `slots - 1` wide: the newest sample at the right edge, the line and the area under it. */
export function chartPath(samples: readonly number[], slots: number, ceiling?: number): { line: string; area: string } {
  if (samples.length === 0) return { line: "", area: "" };
  const top = ceiling ?? Math.max(...samples, Number.MIN_VALUE);
  const left = slots - samples.length;
  const points = samples.map((sample, index) => {
    const share = Math.max(0, Math.min(1, sample / top));
    return `${left + index} ${Math.round((100 - share * 96) * 10) / 10}`;
  });
  const line = `M${points.join("L")}`;
  return { line, area: `${line}L${slots - 1} 100L${left} 100Z` };
}
