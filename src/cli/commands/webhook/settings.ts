import type { Settings, Values } from '../../settings/setting.ts'
import {
  allowedClaims,
  certificateDirectory,
  httpsPort,
  issuerSettings,
  nudge,
  operationsSettings,
} from '../../settings/shared.ts'

/** The settings of `signet webhook`. */
export const webhookSettings = {
  ...operationsSettings,
  port: httpsPort('10250'),
  certificateDirectory,
  ...issuerSettings,
  nudge,
  allowedClaims,
} as const satisfies Settings

export type WebhookValues = Values<typeof webhookSettings>
