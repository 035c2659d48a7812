import type { Measurement } from './measurement.ts'

/** Every measurement; each is the file of its name in this folder. */
export const measurements: Readonly<Record<string, () => Promise<Measurement>>> = {
  webhook: () => import('./webhook.ts'),
  controller: () => import('./controller.ts'),
  identities: () => import('./identities.ts'),
  mint: () => import('./mint.ts'),
  jwks: () => import('./jwks.ts'),
  rotation: () => import('./rotation.ts'),
  apply: () => import('./apply.ts'),
  verifier: () => import('./verifier.ts'),
  scale: () => import('./scale.ts'),
}
