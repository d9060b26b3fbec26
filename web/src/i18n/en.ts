// English: the complete table that defines the keys.
export const en = {
  actions: 'Actions', back: 'Back to the overview', cancel: 'Cancel', close: 'Close', copied: 'Copied', 'copy.selected': 'Selected: copy it with Ctrl C', copy: 'Copy', edit: 'Edit',
  loading: 'Loading…', remove: 'Remove', removed: '{name} removed', retry: 'Try again', save: 'Save', set: 'Set', skip: 'Skip to the content',
  more: 'Show {n} more', notfound: 'There is no such page.', unreachable: 'The server cannot be reached.', filter: 'Filter', device: 'Device',
  gateway: 'Gateway', seen: 'last seen', via: 'via {name}', channels: 'Channels', signout: 'Sign out', 'brand.home': 'Dunlin, to the overview',
  'list.cut': 'The first {n} of {all} are shown; search to narrow them.',

  nav: 'Pages', 'nav.overview': 'Overview', 'nav.alarms': 'Alarms', 'nav.things': 'Things', 'nav.rules': 'Rules', 'nav.status': 'Status',
  'theme.toggle': 'Light or dark', palette: 'Go to anything', 'palette.hint': 'Go to a page or device…', 'palette.none': 'Nothing by that name.',
  'help.title': 'Keys', 'help.search': 'Search', 'help.palette': 'Go to anything', 'help.pause': 'Pause or resume the chart', 'help.escape': 'Close, or leave a field',

  'link.connecting': 'Connecting…', 'link.live': 'Live', 'link.reconnecting': 'Reconnecting…', 'link.lost': 'The live link is lost. What you see may be old.',
  'link.retry': 'Next try in {n} s.', 'link.now': 'Try now',

  'signin.title': 'Sign in to Dunlin', 'signin.text': 'Your devices, live.', 'signin.user': 'User', 'signin.password': 'Password', 'signin.button': 'Sign in',
  'signin.first': 'First start? Open the one-time link that the server printed. Until it is used, every start prints a new one.',
  'claim.title': 'Welcome to Dunlin', 'claim.text': 'Choose the password of the user “admin”. The link that brought you here works once.',
  'claim.password': 'New password', 'claim.repeat': 'The same again', 'claim.rule': 'At least {n} characters. A few plain words are better than odd signs.',
  'claim.button': 'Set password and sign in', 'claim.short': 'The password needs at least {n} characters.',
  'claim.plain': 'The password repeats the same few characters.', 'claim.differs': 'The two passwords differ.',

  'search.devices': 'Search devices, sites, types', 'search.alarms': 'Search alarms', 'search.none': 'Nothing matches.',
  'filter.all': 'All', 'filter.online': 'Online', 'filter.offline': 'Offline', 'filter.alarms': 'With alarms',
  'count.online': 'Devices online', 'count.alarms': 'Open alarms', 'count.messages': 'Messages per second', 'count.values': 'Values per second here',
  'site.none': 'No site', 'type.none': 'No type', 'card.empty': 'No values yet.', 'card.more': '+{n} more', stale: 'stale',
  'stale.help': 'Nothing came for three times the usual interval',
  'presence': 'Presence', 'presence.online': 'online', 'presence.offline': 'offline', 'presence.unknown': 'never seen', 'presence.came': 'Came online',
  'presence.left': 'Went offline', 'presence.since': 'Changes since this page was opened.', camera: 'Camera', 'camera.alt': 'Newest picture of {name}',

  'first.title': 'No device yet', 'first.text': 'This page builds itself from the first message. Three steps:',
  'first.create': 'Create a thing and its token', 'first.create.or': 'Or do it here, under', 'first.send': 'Send a value (put the token in place of TOKEN)',
  'first.watch': 'Watch it appear here', 'first.watch.text': 'No reload is needed: cards, units and charts follow from the messages.',
  'first.sim': 'Or look around with a simulated site:',

  chart: 'Chart', 'chart.live': 'live', 'chart.paused': 'paused', 'chart.pause': 'Pause', 'chart.resume': 'Live', 'chart.span': 'Time range',
  'chart.error': 'The history could not be read.', 'chart.choose': 'Choose a channel above.', 'chart.none': 'No numeric channel yet.',
  'chart.alt': '{channel}: minimum {min}, mean {mean}, maximum {max}', 'chart.summary': 'min {min} · mean {mean} · max {max}',
  values: 'Last values', 'values.none': 'No values yet. Send one to a topic that ends in this device and a channel.',
  'values.offline': 'No values: the device is offline.', attributes: 'Attributes', 'attributes.none': 'No attributes.',
  'device.unknown': 'There is no device “{name}”.',

  shadow: 'Shadow', 'shadow.key': 'Key', 'shadow.desired': 'Desired', 'shadow.reported': 'Reported', 'shadow.state': 'State', 'shadow.version': 'version {n}',
  'shadow.waiting': '{n} not confirmed', 'shadow.settled': 'all confirmed', 'shadow.none': 'The device has no shadow yet. Set a first wish below; it waits for the device.',
  'shadow.confirmed': 'confirmed', 'shadow.pending': 'pending', 'shadow.conflict': 'conflict', 'shadow.reported.help': 'The device tells this; nothing is desired',
  'shadow.confirmed.help': 'The device reports what is desired', 'shadow.pending.help': 'The device has not answered yet',
  'shadow.conflict.help': 'The device answered with another value', 'shadow.set': 'Set {name}', 'shadow.drop': 'Drop the wish for {name}',
  'shadow.path': 'key, e.g. fan.speed', 'shadow.value': 'value', 'shadow.add': 'Add wish',

  'alarms.open': '{n} open alarms', 'alarms.calm': 'All calm: no active alarms.', 'alarms.none': 'No alarms here.', 'alarm.severity': 'Severity', 'alarm.what': 'Alarm',
  'alarm.when': 'Raised', 'alarm.state': 'State', 'alarm.active': 'Active', 'alarm.acknowledged': 'Acknowledged', 'alarm.cleared': 'Cleared', 'alarm.all': 'All',
  'alarm.ack': 'Acknowledge', 'alarm.clear': 'Clear', 'alarm.acked': 'Alarm acknowledged', 'alarm.cleared.done': 'Alarm cleared', 'alarm.by': 'by {name}',
  'severity.critical': 'critical', 'severity.major': 'major', 'severity.minor': 'minor', 'severity.warning': 'warning', 'severity.info': 'info',

  'things.none': 'No things yet. Create the first one.', 'thing.create': 'Create thing', 'thing.name': 'Name', 'thing.name.rule': 'No space, /, +, # or $',
  'thing.type': 'Type', 'thing.site': 'Site', 'thing.token': 'New token', 'thing.remove': 'Remove {name}',
  'thing.remove.text': 'Its tokens stop working at once. Its history stays until it expires.',
  token: 'Token', 'token.of': 'Token of {name}', 'token.once': 'Copy it now: it is shown only this once.', 'token.try': 'Try it:',

  'rules.none': 'No rules yet.', 'rule.new': 'New rule', 'rule.name': 'Name', 'rule.description': 'Description', 'rule.actions': 'Actions (JSON)',
  'rule.actions.array': 'Actions must be a JSON array.', 'rule.enabled': 'Rule {name} is enabled', 'rule.on': '{name} enabled', 'rule.off': '{name} disabled',
  'rule.remove': 'Remove this rule',

  'status.server': 'Server', 'status.version': 'Dunlin', 'status.web': 'Dashboard', 'status.uptime': 'Up for', 'status.page': 'Series known to this page',
  'status.counts': 'Counts', 'status.listeners': 'Listeners', 'status.connect': 'API', 'status.connect.text': 'Everything here can be done by API:',
};
