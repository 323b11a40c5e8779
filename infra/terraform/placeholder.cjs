/** Stands in for a function until its bundle is pushed: a timer or a sender that comes too early is told to come again. */
module.exports.main = () => ({
  statusCode: 503,
  headers: { 'content-type': 'application/json' },
  body: { code: 'not_deployed', message: 'The code of this function is not here yet: npm run push-bundles brings it.' },
});
