/** How far long work is, on one line of a terminal; nothing where standard error is no terminal. */
export interface ProgressLine {
  report(fraction: number): void;
  end(): void;
}

export function showProgress(title: string, stream: NodeJS.WriteStream = process.stderr): ProgressLine {
  if (!stream.isTTY) return { report: () => {}, end: () => {} };
  let shown = "";
  return {
    report: (fraction) => {
      const line = `${title}: ${Math.floor(fraction * 100)} %`;
      if (line === shown) return;
      shown = line;
      stream.write(`\r${line}`);
    },
    end: () => {
      if (shown !== "") stream.write(`\r${" ".repeat(shown.length)}\r`);
    },
  };
}
