import type { NewClassicUser } from '../../../infra/local/classic/classic-book.ts';
import { Calls } from '../../../shared/clients/calls.ts';
import { ClassicUsers } from '../../../shared/clients/classic-users.ts';
import type { HttpOptions } from '../../../shared/clients/http-options.ts';
import type { Login } from '../../../shared/runtime/settings.ts';
import type { Laboratory } from '../../support/laboratory.ts';
import { cloudAdapter, recording } from './adapters.ts';
import type { Adapter, Sent } from './adapters.ts';
import { logInWith, productOn } from './product.ts';

/** A functional ID that is linked to classic infrastructure. */
export function linkedUser(lab: Laboratory, terms: NewClassicUser = {}) {
  const { iamId, apiKey } = lab.cloud.iam.addUser('functional ID');
  const { id, username } = lab.cloud.classic.linkUser(iamId, terms);
  return { iamId, id, username, apiKey };
}

export interface ClassicProductOptions {
  /** Default: the embedded cloud as a function. */
  adapter?: Adapter;
  /** Where the cloud is served; then everything travels through sockets. */
  url?: string;
}

/** The product's own client, logged in with an API key of IAM, and what it sends. */
export function classicOn(lab: Laboratory, apiKey: string, options: ClassicProductOptions = {}) {
  const { log } = lab.context(lab.manifest());
  const clock = lab.portClock;
  const sent: Sent[] = [];
  const adapter = recording(options.adapter ?? cloudAdapter(lab.cloud), sent);
  const http: HttpOptions = options.url === undefined ? { adapter } : {};
  const identity: Login = logInWith(apiKey, lab);
  const { login } = productOn(lab, { login: identity, ...(options.url !== undefined && { url: options.url }) });
  const common = { clock, log, timeoutMs: 10_000, deadlineMs: clock.nowMs() + 100_000 };
  const users = new ClassicUsers({
    serviceUrl: options.url ?? 'http://127.0.0.1:1',
    authenticator: login,
    http,
    calls: new Calls({ ...common, login }),
    callsWithKeys: new Calls(common),
  });
  return { users, sent, login };
}
