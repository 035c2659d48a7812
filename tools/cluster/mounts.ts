/** Mount points in /proc/PID/mountinfo that lie in one of the directories, the innermost and latest first. */
export function mountPointsUnder(mountinfo: string, directories: string[]): string[] {
  return mountinfo
    .split('\n')
    .map((line) => unescape(line.split(' ')[4] ?? ''))
    .filter((point) => directories.some((directory) => point === directory || point.startsWith(`${directory}/`)))
    .reverse()
}

/** The kernel writes space, tab, newline and backslash as octal escapes. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
