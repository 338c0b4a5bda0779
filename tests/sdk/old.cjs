// posthog-node 2.6.0 against a running server: HOST TOKEN. Exits non-zero when a call fails.
const { PostHog } = require('posthog-node-old')

const [host, token] = process.argv.slice(2)
const client = new PostHog(token, { host, flushAt: 1 })
const timestamp = new Date('2024-05-01T10:00:00Z')
client.capture({ distinctId: 'old-node-user', event: 'old node signed up', timestamp, properties: { plan: 'pro' } })
client.identify({ distinctId: 'old-node-user', properties: { email: 'old-node@x.example' } })
client.alias({ distinctId: 'old-node-user', alias: 'old-node-anon' })
client.shutdownAsync().then(() => console.log('ok'), (error) => {
  console.error(error)
  process.exit(1)
})
