import { Audit } from './audit.ts';
import { pathToTell } from './call-log.ts';
import type { CallLog } from './call-log.ts';
import type { ClassicInfrastructure } from './classic/service.ts';
import type { CloudClock } from './clock.ts';
import type { EventNotifications } from './event-notifications/service.ts';
import { ConnectionLost, Faults } from './faults.ts';
import type { Fault } from './faults.ts';
import type { GitHub } from './github/service.ts';
import type { IamService } from './iam/service.ts';
import type { Notices } from './notices/service.ts';
import { Outbox } from './outbox.ts';
import type { Deliver } from './outbox.ts';
import type { Account, CloudEnv } from './parts.ts';
import { Switches } from './switches.ts';
import { buildWorld } from './world.ts';
import type { World } from './world.ts';

export interface EmbeddedCloudOptions {
  clock: CloudClock;
  /** Same seed, same ids, values and trouble. Default: a fixed one. */
  seed?: string;
  switches?: Partial<Switches>;
}

/** Where everything is, and who the account's owner is. */
export interface CloudAddresses {
  url: string;
  controlUrl: string;
  accountId: string;
  adminIamId: string;
  adminApiKey: string;
  resourceGroupId: string;
  /** Of the Secrets Manager instance, without `/api/v2`. */
  secretsManagerUrl: string;
  /** Of log ingestion, without `/logs/v1/singles`. */
  logsUrl: string;
  /** Of the classic infrastructure API, without `/rest/v3.1`. */
  classicUrl: string;
  /** Of GitHub's API, without `/repos`. */
  githubUrl: string;
  githubToken: string;
  /** Of Event Notifications, without `/event-notifications`. */
  eventNotificationsUrl: string;
  eventNotificationsId: string;
  /** `ibmensourceid` of its API source. */
  eventNotificationsSourceId: string;
  /** Where notices can be sent, with Standard Webhooks and their secret, and as to Slack. */
  noticesUrl: string;
  noticesSecret: string;
  slackUrl: string;
}

const isLogLine = (path: string): boolean => /^\/logs(-router)?\//.test(path);

/**
 * IBM Cloud in one process: the APIs that Keyrota uses, for one account, in memory. Call it with `handle`, as a function,
 * or serve it with `server.ts`.
 */
export class EmbeddedCloud {
  readonly clock: CloudClock;
  readonly faults = new Faults();
  readonly #options: EmbeddedCloudOptions;
  readonly #outbox: Outbox;
  #world: World;

  constructor(options: EmbeddedCloudOptions) {
    this.clock = options.clock;
    this.#options = options;
    this.#outbox = new Outbox(options.clock);
    this.#world = this.#build();
  }

  get account(): Account {
    return this.#world.parts.account;
  }

  get iam(): IamService {
    return this.#world.iam;
  }

  get classic(): ClassicInfrastructure {
    return this.#world.classic;
  }

  get eventNotifications(): EventNotifications {
    return this.#world.eventNotifications;
  }

  get github(): GitHub {
    return this.#world.github;
  }

  get notices(): Notices {
    return this.#world.notices;
  }

  /** How webhooks and events are brought to their receivers. Default: over the network. */
  set deliver(deliver: Deliver) {
    this.#outbox.deliver = deliver;
  }

  get audit(): Audit {
    return this.#world.parts.audit;
  }

  get calls(): CallLog {
    return this.#world.calls;
  }

  get switches(): Switches {
    return this.#world.parts.switches;
  }

  /** Back to the account as it was at the start, without faults. Time goes on. */
  reset(): void {
    this.faults.clear();
    this.#world.secretsManager.close();
    this.#world.eventNotifications.close();
    this.#world.github.close();
    this.#world = this.#build();
  }

  /** All that exists. Values of keys and secrets only where `withValues` is set. */
  snapshot(options: { withValues: boolean }): object {
    const { parts, logs, calls } = this.#world;
    const { iam, secretsManager, resourceController, classic, logging } = this.#world;
    const { eventNotifications, github, notices } = this.#world;
    return {
      account: parts.account,
      iam: iam.snapshot(options),
      secretsManager: secretsManager.snapshot(options),
      resourceController: resourceController.snapshot(options),
      classic: classic.snapshot(options),
      logs: logs.snapshot(),
      logging: logging.snapshot(options),
      eventNotifications: eventNotifications.snapshot(options),
      github: github.snapshot(options),
      notices: notices.snapshot(options),
      calls: { total: calls.total, lines: calls.lines },
    };
  }

  /** What a program needs to know to use the cloud that is served at these addresses. */
  addresses(url: string, controlUrl: string): CloudAddresses {
    return {
      url,
      controlUrl,
      accountId: this.account.id,
      adminIamId: this.account.adminIamId,
      adminApiKey: this.iam.adminApiKey,
      resourceGroupId: this.account.resourceGroupId,
      secretsManagerUrl: url,
      logsUrl: url,
      classicUrl: url,
      githubUrl: url,
      githubToken: this.github.token,
      eventNotificationsUrl: url,
      eventNotificationsId: this.account.eventNotifications.guid,
      eventNotificationsSourceId: this.eventNotifications.apiSourceId,
      noticesUrl: `${url}/notices/standard-webhooks`,
      noticesSecret: this.notices.secret,
      slackUrl: `${url}/notices/slack/${this.notices.slackToken}`,
    };
  }

  /**
   * Answers one request, with whatever trouble is in store for it. Time stands still meanwhile.
   * @throws ConnectionLost when the caller must not get an answer.
   */
  async handle(request: Request): Promise<Response> {
    const { clock } = this;
    const world = this.#world;
    const { pathname, search } = new URL(request.url);
    const hold = clock.hold();
    const startMs = clock.nowMs();
    const fault = this.faults.take(request.method, pathname) ?? this.#troubleOf(pathname);
    const seen: CloudEnv['Bindings']['seen'] = { caller: null };
    const record = (outcome: number | 'refused' | 'reset') => {
      if (isLogLine(pathname)) return world.calls.recordLine();
      const iamId = seen.caller?.iamId ?? null;
      const tookMs = clock.nowMs() - startMs;
      return world.calls.record({
        atMs: startMs,
        method: request.method,
        path: pathToTell(pathname),
        query: search,
        outcome,
        iamId,
        tookMs,
      });
    };
    try {
      const response = await answer(request, world, fault, seen, hold);
      response.headers.set('date', new Date(clock.nowMs()).toUTCString());
      record(response.status);
      return response;
    } catch (error) {
      record(error instanceof ConnectionLost && error.kind === 'refused' ? 'refused' : 'reset');
      throw error;
    } finally {
      hold.release();
    }
  }

  #troubleOf(path: string): Fault | null {
    const { parts, trouble } = this.#world;
    return isLogLine(path) ? null : trouble.next(parts.switches.troubleRate);
  }

  #build(): World {
    return buildWorld({
      clock: this.clock,
      outbox: this.#outbox,
      audit: this.#world?.parts.audit ?? new Audit(() => this.clock.nowMs()),
      seed: this.#options.seed ?? 'keyrota',
      switches: Switches.parse(this.#options.switches ?? {}),
    });
  }
}

async function answer(
  request: Request,
  world: World,
  fault: Fault | null,
  seen: CloudEnv['Bindings']['seen'],
  hold: ReturnType<CloudClock['hold']>,
): Promise<Response> {
  const answerNormally = async () => world.app.fetch(request, { seen });
  if (!fault) return answerNormally();
  if (fault.refuse) throw new ConnectionLost('refused');
  if (fault.drop === 'request') throw new ConnectionLost('reset');
  if (fault.lateMs > 0) await hold.sleep(fault.lateMs);
  const takesEffect = fault.status === undefined || fault.afterEffect;
  const normal = takesEffect ? await answerNormally() : null;
  if (fault.delayMs > 0) await hold.sleep(fault.delayMs);
  if (fault.drop === 'answer') throw new ConnectionLost('reset');
  if (fault.status === undefined && normal) return normal;
  const headers = {
    ...(fault.retryAfterSeconds !== undefined && { 'retry-after': String(fault.retryAfterSeconds) }),
    ...(fault.location !== undefined && { location: fault.location }),
  };
  const body = { errors: [{ code: 'injected_fault', message: `Injected fault: ${fault.status}` }] };
  return Response.json(body, { status: fault.status ?? 500, headers });
}
