/**
 * Screens of a terminal as one SVG picture that plays them, for the README. Each file is what `tmux capture-pane -e -p` printed:
 *
 *   tmux new-session -d -s shot -x 100 -y 33 'npm start; sleep 99'
 *   for i in $(seq 10 24); do sleep 1; tmux capture-pane -t shot -e -p > screens/$i; done
 *   npx tsx scripts/terminal-svg.ts 'npm start' screens/* > docs/images/training.svg
 */
import { readFileSync } from "node:fs";

interface Style {
  readonly colour: string | null;
  readonly bold: boolean;
  readonly dim: boolean;
}

const plain: Style = { colour: null, bold: false, dim: false };
/** Colours 0 to 7 and their bright forms. */
const palette = ["#6e7681", "#ff7b72", "#7ee787", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#e6edf3"];

/** The style after one "select graphic rendition" code. */
function restyle(style: Style, code: number): Style {
  if (code === 0) return plain;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 39) return { ...style, colour: null };
  if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97))
    return { ...style, colour: palette[code % 10] ?? null };
  return style;
}

interface Run {
  readonly style: Style;
  readonly text: string;
}

/** A line cut where its style changes. */
function runsOf(line: string, start: Style): { runs: Run[]; end: Style } {
  const runs: Run[] = [];
  let style = start;
  // Odd pieces are the parameters of an escape sequence.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
  line.split(/\u001b\[([0-9;]*)m/).forEach((piece, i) => {
    if (i % 2 === 0) {
      if (piece !== "") runs.push({ style, text: piece });
    } else {
      for (const code of piece.split(";")) style = restyle(style, Number(code));
    }
  });
  return { runs, end: style };
}

const escaped = (raw: string): string =>
  raw.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const [cell, leading, margin] = [8.4, 19, 18];

function spans(runs: readonly Run[], y: number): string {
  let column = 0;
  const parts = runs.map(({ style, text: raw }) => {
    const x = margin + column * cell;
    const width = [...raw].length;
    column += width;
    const attributes = [
      style.colour === null ? "" : ` fill="${style.colour}"`,
      style.bold ? ' font-weight="bold"' : "",
      style.dim ? ' opacity="0.6"' : "",
    ].join("");
    // The length is fixed so that another font keeps the columns.
    return `<text x="${x.toFixed(1)}" y="${y}" textLength="${(width * cell).toFixed(1)}"${attributes}>${escaped(raw)}</text>`;
  });
  return parts.join("\n");
}

interface Frame {
  readonly body: string;
  readonly columns: number;
  readonly lines: number;
}

function frameOf(screen: string): Frame {
  const lines = screen.replace(/\s+$/, "").split("\n");
  let style = plain;
  let columns = 0;
  const rows = lines.map((line, i) => {
    const { runs, end } = runsOf(line, style);
    style = end;
    columns = Math.max(
      columns,
      runs.reduce((sum, run) => sum + [...run.text].length, 0),
    );
    return spans(runs, 30 + margin + i * leading);
  });
  return { body: rows.filter((row) => row !== "").join("\n"), columns, lines: lines.length };
}

/** Seconds a frame stays; the last one stays longer. */
const [each, final] = [0.7, 6];

function toSvg(command: string, screens: readonly string[]): string {
  const frames = screens.map(frameOf);
  const width = Math.ceil(Math.max(...frames.map(({ columns }) => columns)) * cell + 2 * margin);
  const height = 30 + margin * 2 + (Math.max(...frames.map(({ lines }) => lines)) - 1) * leading;
  const total = each * (frames.length - 1) + final;
  const shown = frames.map((_, i) => {
    const [from, to] = [i * each, i === frames.length - 1 ? total : (i + 1) * each].map(
      (seconds) => `${((seconds / total) * 100).toFixed(2)}%`,
    );
    const rest = i === frames.length - 1 ? "visible" : "hidden"; // what a viewer without animation shows
    return `@keyframes f${i}{0%{visibility:hidden}${from}{visibility:visible}${to}{visibility:${rest}}}
#f${i}{visibility:${rest};animation:f${i} ${total}s step-end infinite}`;
  });
  // Where nothing moves, the last frame is the picture.
  const still = `@media (prefers-reduced-motion){g[id]{animation:none}#f${frames.length - 1}{visibility:visible}}`;
  const groups = frames.map(({ body }, i) => `<g id="f${i}">\n${body}\n</g>`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>A terminal: ${escaped(command)}</title>
<style>
${shown.join("\n")}
${still}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<circle cx="20" cy="18" r="5" fill="#ff7b72"/><circle cx="37" cy="18" r="5" fill="#e3b341"/><circle cx="54" cy="18" r="5" fill="#7ee787"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" fill="#e6edf3" xml:space="preserve">
${groups.join("\n")}
</g>
</svg>
`;
}

const [command = "", ...files] = process.argv.slice(2);
const prompt = `\u001b[2m$ ${command}\u001b[0m\n`;
const screens = files.map((file) => prompt + readFileSync(file, "utf8"));
process.stdout.write(toSvg(command, screens));
