import { dump } from 'js-yaml'

/** An object as people write it in a manifest. */
export function toYaml(value: unknown): string {
  return dump(value, { lineWidth: -1, noRefs: true })
}
