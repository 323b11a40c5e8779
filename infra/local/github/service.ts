import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Outbox } from '../outbox.ts';
import type { CloudEnv, CloudParts } from '../parts.ts';
import { SeededRandom } from '../random.ts';
import { StrictRoutes } from '../strict-routes.ts';
import { jsonOf, validate } from '../validation.ts';
import { Alerts } from './alerts.ts';
import type { Change } from './alerts.ts';
import { answerError, GitHubError, notFound } from './errors.ts';
import { Hooks } from './hooks.ts';
import { RESOLUTIONS } from './model.ts';
import type { Alert, AlertAction, Hook, HookDelivery, Leak, NewHook } from './model.ts';
import { alertAnswer, alertPayload, locationPayload, pingPayload } from './views.ts';

const PATH = '/repos/:owner/:repository/secret-scanning/alerts/:number';

const Query = z.strictObject({ hide_secret: z.enum(['true', 'false']).default('false') });

const Update = z.strictObject({
  state: z.enum(['open', 'resolved']),
  resolution: z.enum(RESOLUTIONS).nullable().default(null),
  resolution_comment: z.string().nullable().default(null),
});

const refusal = (authorization: string | undefined): GitHubError =>
  new GitHubError(401, authorization === undefined ? 'Requires authentication' : 'Bad credentials');

/**
 * GitHub as far as leaks go: alerts of secret scanning in repositories, webhooks that tell of them, and the API to read and
 * resolve them. https://docs.github.com/en/rest/secret-scanning/secret-scanning
 */
export class GitHub {
  /** Lets its bearer read and resolve the alerts of all repositories. */
  readonly token: string;
  readonly #alerts: Alerts;
  readonly #hooks: Hooks;

  constructor(parts: CloudParts, outbox: Outbox) {
    // Of its own, so that ids and values elsewhere are the same with and without what is made here.
    const random = new SeededRandom(`${parts.random.seed} github`);
    this.token = `ghp_${random.hex(18)}`;
    this.#alerts = new Alerts(parts);
    this.#hooks = new Hooks(parts, random, outbox);
  }

  routes(): Hono<CloudEnv> {
    const access = {
      callerOf: (authorization = '') =>
        /^(bearer|token) (.+)$/i.exec(authorization)?.[2] === this.token ? { iamId: 'github', accountId: '' } : null,
    };
    const routes = new StrictRoutes({
      login: { access, refusal },
      badQuery: ({ property, reason }) => new GitHubError(400, `${property} ${reason}`),
      onError: answerError,
    });
    // https://docs.github.com/en/rest/using-the-rest-api/getting-started-with-the-rest-api, "User-Agent"
    routes.app.use('/repos/*', async (context, next) => {
      if ((context.req.header('user-agent') ?? '') === '')
        throw new GitHubError(403, 'A User-Agent header is required.');
      await next();
    });
    routes.addWithQuery('GET', PATH, Query, (context, query) =>
      context.json(alertAnswer(this.#named(context), query.hide_secret === 'true')),
    );
    routes.add('PATCH', PATH, async (context) => {
      const change = changeIn(await jsonOf(context));
      const alert = this.#named(context);
      if (this.#alerts.change(alert, change)) this.#tell(change.state === 'open' ? 'reopened' : 'resolved', alert);
      return context.json(alertAnswer(alert, false));
    });
    return routes.app;
  }

  /** A webhook for all repositories. It gets a `ping`, and all that happens to alerts from now on. */
  addHook(hook: NewHook): Hook {
    const added = this.#hooks.add(hook);
    this.#hooks.tell({ event: 'ping', action: null }, pingPayload(added), added);
    return added;
  }

  /** Somebody pushed a secret: there is an alert, and all webhooks are told. Throws TypeError for no `owner/name`. */
  leak(leak: Leak): Alert {
    const alert = this.#alerts.add(leak);
    this.#tell('created', alert);
    this.#hooks.tell({ event: 'secret_scanning_alert_location', action: 'created' }, locationPayload(alert));
    return { ...alert };
  }

  /** GitHub found out more of an alert: all webhooks are told. Throws RangeError where there is none. */
  learn(repository: string, number: number, action: 'validated' | 'publicly_leaked'): void {
    const alert = this.#alerts.find(repository, number);
    if (!alert) throw new RangeError(`${repository} has no alert ${number}.`);
    if (action === 'validated') alert.validity = 'active';
    else alert.publiclyLeaked = true;
    this.#tell(action, alert);
  }

  /** What was sent to webhooks, the latest, oldest first. */
  get deliveries(): readonly HookDelivery[] {
    return this.#hooks.list();
  }

  /** The request of a delivery, signed, for whoever brings it there without the cloud. Throws RangeError for an unknown one. */
  requestOf(deliveryId: string): Request {
    return this.#hooks.requestOf(deliveryId);
  }

  /** Sends a delivery again with the same id, as a person does. Throws RangeError where that cannot be. */
  redeliver(deliveryId: string): void {
    this.#hooks.redeliver(deliveryId);
  }

  /** All that exists, for `GET /state`. Secrets only where `withValues` is set. */
  snapshot({ withValues }: { withValues: boolean }): object {
    return {
      ...(withValues && { token: this.token }),
      alerts: this.#alerts.all().map(({ secret, ...rest }) => ({ ...rest, ...(withValues && { secret }) })),
      deliveries: this.deliveries.map(({ id, event, action, hook, atMs, statuses }) => {
        return { id, event, action, url: hook.url, atMs, statuses };
      }),
    };
  }

  /** Nothing is delivered any more that is not under way. */
  close(): void {
    this.#hooks.close();
  }

  #tell(action: AlertAction, alert: Alert): void {
    this.#hooks.tell({ event: 'secret_scanning_alert', action }, alertPayload(action, alert));
  }

  /** The alert in the path. Throws 404. */
  #named(context: Context<CloudEnv>): Alert {
    const { owner = '', repository = '', number = '' } = context.req.param() as Record<string, string | undefined>;
    if (!/^[1-9]\d{0,8}$/.test(number)) throw notFound();
    const alert = this.#alerts.find(`${owner}/${repository}`, Number(number));
    if (!alert) throw notFound();
    return alert;
  }
}

/** Throws 400 and 422. */
function changeIn(body: unknown): Change {
  if (body === undefined) throw new GitHubError(400, 'Problems parsing JSON');
  const checked = validate(Update, body);
  if (!checked.ok) {
    const { property, missing, reason } = checked.violation;
    throw new GitHubError(422, `Invalid request. ${property} ${missing ? 'was not supplied' : reason}.`);
  }
  const { state, resolution, resolution_comment: comment } = checked.data;
  return { state, resolution, comment };
}
