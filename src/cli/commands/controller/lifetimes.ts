import { formatDuration, HOUR, MINUTE } from '../../../time/duration.ts'
import { ConfigError } from '../../settings/setting.ts'

/** Milliseconds, all. */
interface ControllerLifetimes {
  readonly caLifetime: number
  readonly servingCertificateLifetime: number
}

/**
 * A certificate is renewed at a third of its life and reaches the file up to two minutes later; under this it might
 * have ended by then.
 */
const shortestServingCertificate = 10 * MINUTE
/** A CA is trusted ahead for a twelfth of its life, in which every pod and every caBundle has to learn of it. */
const shortestCaLifetime = HOUR

/** Throws ConfigError where the lifetimes of the flags do not fit together, naming the flag and the remedy. */
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
