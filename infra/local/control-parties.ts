import { z } from 'zod';
import type { EmbeddedCloud } from './cloud.ts';
import { bodyOf, Refusal } from './control-requests.ts';
import type { StrictRoutes } from './strict-routes.ts';

const Text = z.string().min(1);
const HttpUrl = z.url({ protocol: /^https?$/ });

const NewSubscription = z.strictObject({
  url: HttpUrl,
  headers: z.record(Text, z.string()).exactOptional(),
  types: z.array(Text).min(1).exactOptional(),
  destination: z.enum(['webhook', 'ibmce']).exactOptional(),
});

const NewEvent = z.strictObject({
  id: Text.exactOptional(),
  source: Text,
  type: Text,
  data: z.record(z.string(), z.unknown()),
  severity: Text.exactOptional(),
  short: Text.exactOptional(),
  long: Text.exactOptional(),
  subject: Text.exactOptional(),
});

const NewHook = z.strictObject({ url: HttpUrl, secret: Text.nullable() });

const Leak = z.strictObject({
  repository: z.string().regex(/^[\w.-]+\/[\w.-]+$/, 'is not owner/name'),
  secretType: Text,
  secret: Text,
  displayName: Text.exactOptional(),
  validity: z.enum(['active', 'inactive', 'unknown']).exactOptional(),
  publiclyLeaked: z.boolean().exactOptional(),
  path: Text.exactOptional(),
});

const Redelivery = z.strictObject({ deliveryId: Text });

/** What people and other parties do outside of the account: subscribe to events, send them, leak secrets on GitHub. */
export function addParties(routes: StrictRoutes, cloud: EmbeddedCloud): void {
  addEventNotifications(routes, cloud);
  addGitHub(routes, cloud);
}

function addEventNotifications(routes: StrictRoutes, cloud: EmbeddedCloud): void {
  const subscriptions = () =>
    cloud.eventNotifications.subscriptions.map(({ headers, ...rest }) => ({ ...rest, headers: Object.keys(headers) }));
  routes.add('GET', '/event-notifications/subscriptions', (context) => context.json(subscriptions()));
  routes.add('POST', '/event-notifications/subscriptions', async (context) => {
    cloud.eventNotifications.subscribe(await bodyOf(context, NewSubscription));
    return context.json(subscriptions());
  });
  routes.add('DELETE', '/event-notifications/subscriptions', (context) => {
    cloud.eventNotifications.unsubscribeAll();
    return context.json(subscriptions());
  });
  routes.add('POST', '/event-notifications/events', async (context) => {
    const { id, envelope } = cloud.eventNotifications.publish(await bodyOf(context, NewEvent));
    return context.json({ notificationId: id, eventId: envelope.id });
  });
}

function addGitHub(routes: StrictRoutes, cloud: EmbeddedCloud): void {
  routes.add('POST', '/github/hooks', async (context) => {
    const { id } = cloud.github.addHook(await bodyOf(context, NewHook));
    return context.json({ id });
  });
  routes.add('POST', '/github/leaks', async (context) => {
    const { number } = cloud.github.leak(await bodyOf(context, Leak));
    return context.json({ number });
  });
  routes.add('POST', '/github/redeliveries', async (context) => {
    const { deliveryId } = await bodyOf(context, Redelivery);
    try {
      cloud.github.redeliver(deliveryId);
    } catch (error) {
      throw error instanceof RangeError ? new Refusal(`deliveryId: ${error.message}`) : error;
    }
    return context.json({ deliveryId });
  });
}
