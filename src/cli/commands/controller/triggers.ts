import { triggers as certificateAuthority } from '../../../controller/certificate-authority/triggers.ts'
import { triggers as issuingKeys } from '../../../controller/issuing-keys/triggers.ts'
import { triggers as revocation } from '../../../controller/revocation/triggers.ts'
import { triggers as serviceIdentity } from '../../../controller/service-identity/triggers.ts'
import { triggers as waitingPods } from '../../../controller/waiting-pods/triggers.ts'
import type { Queues } from './reconcilers.ts'
import type { ControllerSources } from './sources.ts'

/** Lets the watches wake the controllers. No watch wakes `nudge`: the reconciler of an identity requests a nudge. */
export function registerTriggers(sources: ControllerSources, queues: Queues): void {
  serviceIdentity(sources, queues['service-identity'])
  revocation(sources, queues.revocation)
  issuingKeys(sources, queues['issuing-keys'])
  waitingPods(sources, queues['waiting-pods'])
  certificateAuthority(sources, queues['certificate-authority'])
}
