import { Calls } from '../../../shared/clients/calls.ts';
import type { ClientOptions } from '../../../shared/clients/http-options.ts';
import { openInventory } from '../../../shared/inventory/open-inventory.ts';
import type { InventoryWorld } from '../../../shared/inventory/open-inventory.ts';
import type { Manifest } from '../../../shared/keys/manifest.ts';
import type { Ports } from '../../../shared/rotation/ports.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { instanceInHost } from '../../../shared/runtime/service-url.ts';
import type { Settings } from '../../../shared/runtime/settings.ts';
import type { Deployed } from './deployed.ts';

interface Question {
  method: string;
  headers?: Record<string, string>;
  body?: string;
  signal: AbortSignal;
}

/** How a function is asked over the network. Redirects are answers like any other. */
export type Ask = (url: string, question: Question) => Promise<Answer>;

interface Answer {
  status: number;
  /** What the body says as `code`; null where it is no JSON with one. */
  code: string | null;
}

/** What the checks look at, and with what. */
export interface DoctorWorld {
  settings: Settings;
  manifest: Manifest;
  clock: Clock;
  ports: Ports;
  account: InventoryWorld;
  /** Null before the deployment, or where nobody told of it. */
  deployed: Deployed | null;
  ask: Ask;
  /** What clients of one's own are made from, logged in as Keyrota; `signal` comes with each call. */
  clientAt: (serviceUrl: string) => ClientOptions & { calls: Calls };
}

/** The world of one run of the doctor. */
export function openDoctorWorld(
  { settings, manifest, deployed, ask }: Pick<DoctorWorld, 'settings' | 'manifest' | 'deployed' | 'ask'>,
  ports: Ports,
): DoctorWorld {
  const { clock, log, deadlineMs, outward } = ports;
  const { login, http } = outward;
  const calls = new Calls({ clock, log, deadlineMs, timeoutMs: settings.callTimeoutMs, login });
  return {
    settings,
    manifest,
    clock,
    ports,
    account: openInventory(settings, ports),
    deployed,
    ask,
    clientAt: (serviceUrl) => ({ serviceUrl, authenticator: login, http, calls }),
  };
}

/** The GUID of the Secrets Manager instance, from the deployment or from its address; null where neither tells. */
export const instanceGuid = ({ settings, deployed }: Pick<DoctorWorld, 'settings' | 'deployed'>): string | null =>
  deployed?.secretsManagerCrn?.split(':')[7] ?? instanceInHost(new URL(settings.secretsManagerUrl).hostname);
