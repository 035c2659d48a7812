import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'

/**
 * Every metric of every command, by name and label. Labels are bounded: never a namespace, a name or anything a
 * request brings along.
 */
export function createMetrics() {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    contentType: registry.contentType,
    /** The text that Prometheus scrapes. */
    render: (): Promise<string> => registry.metrics(),
    reconcileDuration: new Histogram({
      name: 'signet_reconcile_duration_seconds',
      help: 'How long a reconcile took, by controller and result.',
      labelNames: ['controller', 'result'] as const,
      buckets: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
      registers,
    }),
    eventLoopDelay: new Histogram({
      name: 'signet_event_loop_delay_seconds',
      help: 'The longest time that the event loop was held up, of each second.',
      buckets: [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5],
      registers,
    }),
    eventLoopDelayQuantile: new Gauge({
      name: 'signet_event_loop_delay_quantile_seconds',
      help: 'How long the event loop was held up since the start of the process; quantile 1 is the longest ever.',
      labelNames: ['quantile'] as const,
      registers,
    }),
    queueDepth: new Gauge({
      name: 'signet_queue_depth',
      help: 'Keys that wait to be reconciled, by controller.',
      labelNames: ['controller'] as const,
      registers,
    }),
    leader: new Gauge({ name: 'signet_leader', help: '1 while this replica leads.', registers }),
    clockOffset: new Gauge({
      name: 'signet_clock_offset_seconds',
      help: 'How far the clock of this replica is ahead of the API server’s; beyond 60 either way it stands back.',
      registers,
    }),
    apiRequests: new Counter({
      name: 'signet_api_requests_total',
      help: 'Requests to the Kubernetes API, by verb, resource and status.',
      labelNames: ['verb', 'resource', 'status'] as const,
      registers,
    }),
    tokensMinted: new Counter({
      name: 'signet_tokens_minted_total',
      help: 'Tokens signed into workload Secrets, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    keysRotated: new Counter({
      name: 'signet_key_changes_total',
      help: 'Steps of signing keys through their life cycle.',
      labelNames: ['change'] as const,
      registers,
    }),
    keyRingsRestored: new Counter({
      name: 'signet_key_rings_restored_total',
      help: 'Key rings written again from memory after another hand had deleted or replaced them, by reason.',
      labelNames: ['reason'] as const,
      registers,
    }),
    identities: new Gauge({
      name: 'signet_identities',
      help: 'ServiceIdentities, by readiness.',
      labelNames: ['ready'] as const,
      registers,
    }),
    keys: new Gauge({
      name: 'signet_keys',
      help: 'Signing keys of identities, by state.',
      labelNames: ['state'] as const,
      registers,
    }),
    nextTokenExpiry: new Gauge({
      name: 'signet_next_token_expiry_timestamp_seconds',
      help: 'When the mounted token that expires first does so, in seconds since the epoch.',
      registers,
    }),
    nudgesWaiting: new Gauge({
      name: 'signet_nudges_waiting',
      help: 'ServiceIdentities with pods that are still to be asked to read their Secret anew.',
      registers,
    }),
    nudges: new Counter({
      name: 'signet_nudges_total',
      help: 'Pods asked to read their Secret anew, by result.',
      labelNames: ['result'] as const,
      registers,
    }),
    certificateExpiry: new Gauge({
      name: 'signet_certificate_expiry_timestamp_seconds',
      help: 'When a certificate ends, in seconds since the epoch, by what it is for.',
      labelNames: ['certificate'] as const,
      registers,
    }),
    webhookDecisions: new Counter({
      name: 'signet_webhook_decisions_total',
      help: 'Admission reviews answered, by path and decision.',
      labelNames: ['path', 'decision'] as const,
      registers,
    }),
    webhookDuration: new Histogram({
      name: 'signet_webhook_duration_seconds',
      help: 'How long an admission review took to answer.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1],
      registers,
    }),
    sharedCacheCommands: new Counter({
      name: 'signet_shared_cache_commands_total',
      help: 'Commands for Redis, by command and result.',
      labelNames: ['command', 'result'] as const,
      registers,
    }),
    sharedCacheDegraded: new Gauge({
      name: 'signet_shared_cache_degraded',
      help: '1 while Redis is not reached or not asked, refuses to write, or does not bring messages of other replicas.',
      registers,
    }),
    tokensIssued: new Counter({
      name: 'signet_tokens_issued_total',
      help: 'Tokens the authority gave out, by grant and whether it had them already.',
      labelNames: ['grant', 'reused'] as const,
      registers,
    }),
    oauthRefusals: new Counter({
      name: 'signet_oauth_refusals_total',
      help: 'Requests to token, introspect and revoke that were refused, by endpoint, error and inward reason.',
      labelNames: ['endpoint', 'error', 'reason'] as const,
      registers,
    }),
    formDuration: new Histogram({
      name: 'signet_form_duration_seconds',
      help: 'How long a request to token, introspect or revoke took from the end of its body, by endpoint.',
      labelNames: ['endpoint'] as const,
      buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5],
      registers,
    }),
    formRequestsInFlight: new Gauge({
      name: 'signet_form_requests_in_flight',
      help: 'Requests to token, introspect and revoke that are being answered.',
      registers,
    }),
    knownPods: new Gauge({
      name: 'signet_known_pods',
      help: 'Pods that the authority knows by their uid.',
      registers,
    }),
    issuing: new Gauge({
      name: 'signet_issuing',
      help: '1 while this replica of the authority has a key of its own to issue tokens with.',
      registers,
    }),
    httpRequests: new Counter({
      name: 'signet_http_requests_total',
      help: 'Requests the authority answered, by endpoint and status.',
      labelNames: ['endpoint', 'status'] as const,
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
