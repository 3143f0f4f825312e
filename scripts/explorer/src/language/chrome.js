// GraphiQL's own labels, which it has in English alone, in the reader's language: aria-labels, titles and buttons.

import { preferences } from '../preferences.js';
import { say } from './language.js';

const CHINESE = {
  'Variables': '变量',
  'Headers': '请求头',
  'New tab': '新标签页',
  'Editor Commands': '编辑器命令',
  'Operation Editor': '操作编辑器',
  'Result Window': '响应窗口',
  'Select active operation': '选择操作',
  'Show editor tools': '显示编辑工具',
  'Hide editor tools': '隐藏编辑工具',
  'Open short keys dialog': '打开快捷键',
  'Open settings dialog': '打开设置',
  'Close Tab': '关闭标签页',
  'Close dialog': '关闭',
  'Settings': '设置',
  'Short Keys': '快捷键',
  'Theme': '主题',
  'Adjust how the interface appears.': '调整界面外观。',
  'System': '跟随系统',
  'Light': '浅色',
  'Dark': '深色',
  'Clear storage': '清除存储',
  'Remove all locally stored data and start fresh.': '删除浏览器中保存的数据，重新开始。',
  'Clear data': '清除数据',
  'Cleared data': '已清除',
  'Documentation Explorer': '文档',
  'History': '历史',
  'Clear': '清除',
  'Docs': '文档',
  'Root Types': '根类型',
  'All Schema Types': '所有类型',
  'Search': '搜索',
  'Fields': '字段',
  'Arguments': '参数',
  'Type': '类型',
  'Enum Values': '枚举值',
  'Implementations': '实现',
  'Implements': '实现接口',
  'Directives': '指令',
  'Possible Types': '可能的类型',
  'Deprecated Arguments': '已弃用参数',
  'Deprecated Enum Values': '已弃用枚举值',
  'Show Deprecated Fields': '显示已弃用字段',
  'Show Deprecated Arguments': '显示已弃用参数',
  'Show Deprecated Values': '显示已弃用枚举值',
  'Deprecated': '已弃用',
  'Edit label': '修改名称',
  'Add favorite': '收藏',
  'Remove favorite': '取消收藏',
  'Delete from history': '从历史中删除',
  'Set active': '打开',
  'Save': '保存',
  'Deprecated Fields': '已弃用字段',
  'No results found': '没有结果',
  'Other results': '其他结果',
  'Error fetching schema': '无法获取 schema',
  'No GraphQL schema available': '没有 schema',
  'Data quality': 'dataQuality',
  'Errors': 'errors',
  'Who am I': 'whoAmI',
  'Events': 'events',
  'Sandbox': 'sandbox',
  'Operations': 'operations',
  'Examples': 'examples',
};

const WITH_KEYS = [
  [/^Re-fetch GraphQL schema \((.+)\)$/, '重新获取 schema ($1)'],
  [/^Execute query \((.+)\)$/, '执行 ($1)'],
  [/^Stop query \((.+)\)$/, '停止 ($1)'],
  [/^Prettify query \((.+)\)$/, '格式化 ($1)'],
  [/^Merge fragments into query \((.+)\)$/, '合并片段 ($1)'],
  [/^Copy query \((.+)\)$/, '复制查询 ($1)'],
];

const ATTRIBUTES = ['aria-label', 'title', 'placeholder'];
const PARTS = '.graphiql-container, .graphiql-dialog, .graphiql-tooltip, [data-radix-popper-content-wrapper]';
const OTHERS = '.monaco-editor, .explorer-panel, .explorer-status, .graphiql-markdown-description, [role="tab"]';

const originals = new WeakMap();

function translate(english) {
  const shown = english.match(/^(Show|Hide) (.+)$/);
  if (CHINESE[english]) return say(CHINESE[english]); // words of the page, by their key, or GraphiQL's
  if (shown && CHINESE[shown[2]]) return `${shown[1] === 'Show' ? '显示' : '隐藏'}${translate(shown[2])}`;
  const [pattern, words] = WITH_KEYS.find(([each]) => each.test(english)) ?? [];
  return pattern ? english.replace(pattern, words) : english;
}

// What a place was before it was translated. React may write to it at any time: then that counts.
function show(node, name, now, write) {
  const known = originals.get(node) ?? {};
  const english = known[name] && known[name].shown === now ? known[name].english : now;
  const shown = preferences.get().language === 'zh' ? translate(english) : english;
  originals.set(node, { ...known, [name]: { english, shown } });
  if (shown !== now) write(shown);
}

function visit(element) {
  if (!element.closest(PARTS) || element.closest(OTHERS)) return;
  for (const name of ATTRIBUTES) {
    const now = element.getAttribute(name);
    if (now) show(element, name, now, (text) => element.setAttribute(name, text));
  }
  for (const node of element.childNodes) {
    if (node.nodeType === Node.TEXT_NODE && node.data.trim()) show(node, 'data', node.data, (text) => (node.data = text));
  }
}

const visitAll = (root) => {
  visit(root);
  for (const element of root.querySelectorAll('*')) visit(element);
};

export function translateChrome() {
  new MutationObserver((changes) => {
    if (preferences.get().language === 'en') return;
    for (const { target, addedNodes, type } of changes) {
      const element = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
      if (!element || element.closest('.monaco-editor')) continue;
      if (type !== 'childList') visit(element);
      for (const node of addedNodes) if (node.nodeType === Node.ELEMENT_NODE) visitAll(node);
      if (addedNodes.length) visit(element);
    }
  }).observe(document.body, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ATTRIBUTES,
  });
  let before = preferences.get().language;
  preferences.subscribe(() => {
    const { language } = preferences.get();
    if (language === before) return;
    before = language;
    visitAll(document.body);
  });
}
