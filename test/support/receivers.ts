import { CloudClock } from '../../infra/local/clock.ts';
import type { Login } from '../../shared/clients/calls.ts';
import type { Notice } from '../../shared/notices/notice.ts';
import { sendNotices } from '../../shared/notices/send.ts';
import type { SendOptions, Sent } from '../../shared/notices/send.ts';
import type { NoticeTarget } from '../../shared/runtime/notice-targets.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { readSettings } from '../../shared/runtime/settings.ts';

/** A request as a receiver sees it. */
export interface Arrival {
  afterMs: number;
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** What a receiver does: a status with headers, a connection that fails, or no answer at all. */
export type Answer = { status: number; headers?: Record<string, string> } | { fails: string } | 'silence';

interface Config {
  url: string;
  headers: { toJSON: () => Record<string, string> };
  data: string;
  signal: AbortSignal;
}

export const START_MS = Date.UTC(2026, 10, 20, 3);
export const WEBHOOK_URL = 'https://receiver.example/keyrota/';
export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 'a').toString('base64')}`;
export const PREVIOUS_SECRET = `whsec_${Buffer.alloc(24, 'b').toString('base64')}`;
export const SLACK_URL = 'https://hooks.slack.example/services/T0/B0/made-up-path';
export const SOURCE_ID = '22222222-3333-4444-8555-666666666666:api';
export const INSTANCE_URL =
  'https://eu-de.event-notifications.cloud.ibm.com/event-notifications/v1/instances/11111111-2222-4333-8444-555555555555';
const BEARER = 'made-up-bearer-token';

/** Everything that a log must not show. */
export const SECRETS = [
  'hooks.slack',
  'made-up',
  WEBHOOK_SECRET.slice(6),
  PREVIOUS_SECRET.slice(6),
  'receiver.example',
];

const VARIABLES = {
  webhook: { KEYROTA_NOTICE_WEBHOOK_URL: WEBHOOK_URL, KEYROTA_NOTICE_WEBHOOK_SECRET: WEBHOOK_SECRET },
  slack: { KEYROTA_NOTICE_SLACK_URL: SLACK_URL },
  events: {
    KEYROTA_NOTICE_EVENT_NOTIFICATIONS_URL: INSTANCE_URL,
    KEYROTA_NOTICE_EVENT_NOTIFICATIONS_SOURCE: SOURCE_ID,
  },
};

/** Targets as settings make them. */
export function targetsOf(
  names: readonly (keyof typeof VARIABLES)[],
  more: Record<string, string> = {},
): NoticeTarget[] {
  const settings = Object.assign({}, ...names.map((name) => VARIABLES[name])) as Record<string, string>;
  return readSettings({
    KEYROTA_ACCOUNT_ID: '0'.repeat(32),
    KEYROTA_SECRETS_MANAGER_URL: 'https://instance.eu-de.secrets-manager.appdomain.cloud',
    KEYROTA_PROFILE_ID: 'Profile-1',
    ...settings,
    ...more,
  }).notices;
}

/** Receivers in place of the network, on a clock that jumps. `answer` sees each request, and how many came before it. */
export class Receivers {
  readonly clock = new CloudClock({ startMs: START_MS, speed: Infinity });
  readonly arrivals: Arrival[] = [];
  readonly logLines: string[] = [];
  readonly #answer: (arrival: Arrival, earlier: number) => Answer;

  constructor(answer: (arrival: Arrival, earlier: number) => Answer = () => ({ status: 200 })) {
    this.#answer = answer;
  }

  send(
    notices: readonly Notice[],
    targets: readonly NoticeTarget[],
    options: Partial<SendOptions> = {},
  ): Promise<Sent> {
    const { clock } = this;
    return sendNotices(notices, {
      targets,
      clock,
      log: createLog({ clock, level: 'debug', write: (line) => this.logLines.push(line) }),
      signal: new AbortController().signal,
      deadlineMs: START_MS + 100_000,
      http: { adapter: this.#adapter },
      login: LOGIN,
      disabled: new Set(),
      ...options,
    });
  }

  /** The events of level warn. */
  get warnings(): Record<string, unknown>[] {
    const lines = this.logLines.map((line) => JSON.parse(line) as Record<string, unknown>);
    return lines.filter(({ level }) => level === 'warn');
  }

  get times(): number[] {
    return this.arrivals.map(({ afterMs }) => afterMs);
  }

  readonly #adapter = async (config: unknown): Promise<object> => {
    const { url, headers, data, signal } = config as Config;
    const lower = Object.entries(headers.toJSON()).map(([name, value]) => [name.toLowerCase(), value] as const);
    const arrival = { afterMs: this.clock.nowMs() - START_MS, url, headers: Object.fromEntries(lower), body: data };
    this.arrivals.push(arrival);
    const answer = this.#answer(arrival, this.arrivals.length - 1);
    if (answer === 'silence')
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
    if ('fails' in answer) {
      throw Object.assign(new Error(`${answer.fails} ${url}`), {
        isAxiosError: true,
        code: answer.fails,
        config,
        request: {},
      });
    }
    const { status } = answer;
    const response = {
      data: '{}',
      status,
      statusText: '',
      headers: { 'content-type': 'application/json', ...answer.headers },
      config,
      request: {},
    };
    if (status >= 200 && status < 300) return response;
    throw Object.assign(new Error(`status ${status}`), { isAxiosError: true, config, request: {}, response });
  };
}

const LOGIN: SendOptions['login'] & Login = {
  generation: 1,
  ready: () => Promise.resolve(),
  forget: () => undefined,
  authenticationType: () => 'iam',
  authenticate: (request) => {
    request.headers = { ...request.headers, Authorization: `Bearer ${BEARER}` };
    return Promise.resolve();
  },
};

/** A notice that differs from others by its number. */
export const notice = (changes: Partial<Notice> = {}, number = 1): Notice => ({
  type: 'key.contained',
  id: `notice_${number}`,
  atMs: START_MS - 1_000,
  deployment: 'prod',
  name: 'logs-ingest',
  keyId: 'ApiKey-1',
  incident: 'incident-7',
  why: 'key ApiKey-1 was reported as compromised',
  next: ['Have every consumer fetch secret logs-ingest anew.'],
  details: { account: '0'.repeat(32), steps: ['contain ApiKey-1'] },
  ...changes,
});
