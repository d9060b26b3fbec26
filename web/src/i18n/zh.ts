// Simplified Chinese. A missing key falls back to English.
import type { Texts } from './index.ts';

export const texts: Texts = {
  actions: '操作', back: '返回总览', cancel: '取消', close: '关闭', copied: '已复制', copy: '复制', edit: '编辑', loading: '加载中…', remove: '删除',
  removed: '已删除 {name}', retry: '重试', save: '保存', set: '设置', more: '再显示 {n} 个', device: '设备', gateway: '网关', seen: '最后在线', via: '经由 {name}',
  signout: '退出登录', 'nav.overview': '总览', 'nav.alarms': '告警', 'nav.things': '设备管理', 'nav.rules': '规则', 'nav.status': '状态',
  'theme.toggle': '切换明暗', palette: '快速跳转', 'palette.hint': '跳转到页面或设备…', 'help.title': '快捷键', 'help.search': '搜索',
  'link.connecting': '连接中…', 'link.live': '实时', 'link.reconnecting': '重新连接中…', 'link.lost': '实时连接已断开，显示的数据可能过时。',
  'link.retry': '{n} 秒后重试。', 'link.now': '立即重试', 'signin.title': '登录 Dunlin', 'signin.text': '您的设备，实时呈现。', 'signin.user': '用户', 'signin.password': '密码', 'signin.button': '登录',
  'claim.title': '欢迎使用 Dunlin', 'claim.text': '请为用户“admin”设置密码。此链接只能使用一次。', 'claim.password': '新密码', 'claim.repeat': '再次输入',
  'claim.rule': '至少 {n} 个字符。', 'claim.button': '设置密码并登录', 'claim.short': '密码至少需要 {n} 个字符。', 'claim.differs': '两次输入的密码不一致。',
  'search.devices': '搜索设备、站点、类型', 'search.alarms': '搜索告警', 'search.none': '没有匹配项。', 'filter.all': '全部', 'filter.online': '在线', 'filter.offline': '离线', 'filter.alarms': '有告警',
  'count.online': '在线设备', 'count.alarms': '未清除告警', 'count.messages': '每秒消息数', 'count.values': '本页每秒数值', 'site.none': '无站点', 'type.none': '无类型',
  stale: '过时', 'presence': '在线状态', 'presence.online': '在线', 'presence.offline': '离线', 'presence.unknown': '从未在线', camera: '摄像头',
  'first.title': '还没有设备', 'first.text': '收到第一条消息后，本页会自动生成。三个步骤：', chart: '图表', 'chart.live': '实时', 'chart.paused': '已暂停', 'chart.pause': '暂停', 'chart.resume': '实时',
  values: '最新值', attributes: '属性', shadow: '设备影子', 'shadow.key': '键', 'shadow.desired': '期望', 'shadow.reported': '上报', 'shadow.state': '状态',
  'shadow.confirmed': '已确认', 'shadow.pending': '等待中', 'shadow.conflict': '冲突', 'shadow.add': '添加期望', 'alarm.active': '活动', 'alarm.acknowledged': '已确认', 'alarm.cleared': '已清除', 'alarm.all': '全部',
  'alarm.ack': '确认', 'alarm.clear': '清除', 'alarm.severity': '级别', 'alarm.what': '告警', 'alarm.when': '时间', 'alarm.state': '状态',
  'thing.create': '创建设备', 'thing.name': '名称', 'thing.type': '类型', 'thing.site': '站点', 'thing.token': '新令牌', 'rule.new': '新规则', 'rule.name': '名称', 'rule.description': '说明',
};
