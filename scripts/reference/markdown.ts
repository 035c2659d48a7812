/** A Markdown table. Cells may contain Markdown; pipes and line breaks are escaped. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`
  return [line(header), `|${header.map(() => '---').join('|')}|`, ...rows.map(line)].join('\n')
}

/** Inline code, or nothing for an absent text. */
export function code(text: string | undefined): string {
  return text === undefined || text === '' ? '' : `\`${text}\``
}

/** A generated page: its title, the sentence for its reader, where it comes from, and its sections. */
export function page(title: string, lead: string, sources: string, sections: readonly string[]): string {
  const notice = `Generated from ${sources} by \`npm run reference\`. Change the source, not this page.`
  return `${[`# ${title}`, lead, notice, ...sections].join('\n\n')}\n`
}

export function section(title: string, ...blocks: readonly string[]): string {
  return [`## ${title}`, ...blocks.filter((block) => block !== '')].join('\n\n')
}

function cell(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').replaceAll('|', String.raw`\|`)
}
