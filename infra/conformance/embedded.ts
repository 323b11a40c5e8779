import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { CloudClock } from '../local/clock.ts';
import { EmbeddedCloud } from '../local/cloud.ts';
import type { Switches } from '../local/switches.ts';
import type { World } from './world.ts';

/** An address that nobody listens at: all calls stay in this process. */
const URL = 'http://127.0.0.1:1';
/** The key of the account's owner is as fresh as the account. */
const FIRST_LOGIN_MS = 60_000;

/** The embedded cloud in this process, on virtual time. `cloud` is for whoever wants to look behind. */
export async function openEmbedded(switches: Partial<Switches> = {}): Promise<{ world: World; cloud: EmbeddedCloud }> {
  const clock = new CloudClock({ speed: Infinity });
  const cloud = new EmbeddedCloud({ clock, switches });
  await clock.advanceTo(clock.nowMs() + FIRST_LOGIN_MS);
  const world: World = {
    kind: 'embedded cloud',
    addresses: {
      accountId: cloud.account.id,
      iamUrl: URL,
      secretsManagerUrl: URL,
      resourceControllerUrl: URL,
    },
    login: { kind: 'api-key', apiKey: new SecretValue(cloud.iam.adminApiKey) },
    clock: { nowMs: () => clock.nowMs(), sleep: (delayMs, signal) => clock.sleep(delayMs, signal) },
    send: (request) => cloud.handle(request),
    callTimeoutMs: 10_000,
  };
  return { world, cloud };
}
