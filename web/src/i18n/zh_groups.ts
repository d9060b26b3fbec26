// The texts of the page of static groups of things.
import type { groups as en } from './en_groups.ts';

export const groups: Record<keyof typeof en, string> = {
  'tab.thing-groups': '设备组',
  'things.group': '组',
  'things.group.new': '新建组',
  'things.group.make': '创建组',
  'things.group.about': '用途',
  'things.group.search': '名称或用途',
  'things.group.search.none': '没有名称或用途包含此内容的组。',
  'things.group.none': '还没有组。附加到组的策略对组内每台设备生效，已打开的连接也立即生效。请创建组、加入设备并附加策略。',
  'things.group.policies': '附加的策略',
  'things.group.policies.none': '尚未附加策略：加入此组暂时没有任何作用。',
  'things.group.members': '成员',
  'things.group.members.none': '还没有成员设备。',
  'things.group.thing': '设备',
  'things.group.add': '加入',
  'things.group.take': '将 {name} 移出组',
  'things.group.take.short': '移出',
  'things.group.taken': '{name} 已不是成员',
  'things.group.detach': '解除 {name}',
  'things.group.remove.sure': '组将被删除。其中的设备保留，但立即失去组的策略。',
};
