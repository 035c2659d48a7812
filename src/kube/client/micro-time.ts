/** RFC 3339 with exactly six fractional digits, which the API server requires of a MicroTime. */
export function formatMicroTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.(\d{3})Z$/, '.$1000Z')
}
