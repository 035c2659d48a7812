import { formatDuration, HOUR, MINUTE } from '../../../time/duration.ts'
import { ConfigError } from '../../settings/setting.ts'

/** Both in milliseconds. */
interface ControllerLifetimes {
  readonly caLifetime: number
  readonly servingCertificateLifetime: number
}

/**
 * In milliseconds. A certificate is renewed at a third of its lifetime and reaches the mounted file up to two minutes
 * later; a shorter lifetime might end by then.
 */
const shortestServingCertificate = 10 * MINUTE
/** In milliseconds. A CA is trusted for a twelfth of its lifetime before it issues: until then pods and caBundles get it. */
const shortestCaLifetime = HOUR

/** Throws ConfigError, which names flag and remedy, if a lifetime is too short or the two do not fit together. */
export function checkControllerLifetimes({ caLifetime, servingCertificateLifetime }: ControllerLifetimes): void {
  const atLeast = (flag: string, lifetime: number, shortest: number): void => {
    if (lifetime < shortest) throw new ConfigError(`--${flag}: must be at least ${formatDuration(shortest)}`)
  }
  atLeast('ca-lifetime', caLifetime, shortestCaLifetime)
  atLeast('serving-certificate-lifetime', servingCertificateLifetime, shortestServingCertificate)
  if (servingCertificateLifetime * 4 > caLifetime) {
    throw new ConfigError('--serving-certificate-lifetime: must be at most a quarter of --ca-lifetime')
  }
}
