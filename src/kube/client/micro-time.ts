/** RFC 3339 with exactly six fraction digits, which is what the API server demands of a MicroTime. */
export function formatMicroTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.(\d{3})Z$/, '.$1000Z')
}
