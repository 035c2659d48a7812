import type { Figures, Findings } from './measurement.ts'

/** The findings as text: a row for each figure, a column for what was measured and one for each peer. */
export function formatTable(name: string, findings: Findings): string {
  const entries = Object.entries(findings)
  const own = Object.fromEntries(entries.filter((entry): entry is [string, number] => typeof entry[1] === 'number'))
  const peers = entries.filter((entry): entry is [string, Figures] => typeof entry[1] !== 'number')
  const columns = [own, ...peers.map(([, figures]) => figures)]
  const rows = [...new Set(columns.flatMap((column) => Object.keys(column)))]
  const cells = [
    ['', name, ...peers.map(([peer]) => peer)],
    ...rows.map((row) => [row, ...columns.map((column) => formatFigure(column[row]))]),
  ]
  const width = (index: number): number => Math.max(...cells.map((line) => line[index]?.length ?? 0))
  const widths = columns.map((_, index) => width(index + 1))
  const lines = cells.map(([row = '', ...values]) =>
    [row.padEnd(width(0)), ...values.map((value, index) => value.padStart(widths[index] ?? 0))].join('  '),
  )
  return lines.map((line) => `${line.trimEnd()}\n`).join('')
}

/** Whole numbers and those from a hundred on without a fraction, else three significant digits. */
function formatFigure(figure: number | undefined): string {
  if (figure === undefined) return ''
  if (Number.isInteger(figure) || Math.abs(figure) >= 100) return Math.round(figure).toLocaleString('en')
  return String(Number(figure.toPrecision(3)))
}
