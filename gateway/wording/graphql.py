"""What graphql-core says of documents and variables, and what the scalars say in its words.

An English template is matched with the beginning of a message: what follows repeats values, which the Chinese text does
not. The first that fits counts.
"""

from enum import unique

from gateway.wording.wording import Rule, Wording


@unique
class ScalarWording(Wording):
    """Raised by the schema's own scalars; graphql-core puts them into its sentences."""

    DECIMAL_FLOAT = (
        'Decimal cannot be a float, whose digits are not exact: send a string, as "0.01".',
        'Decimal 不能是浮点数，因为其数位不精确：请发送字符串，如 "0.01"。',
        Rule.FORMAT,
    )
    DECIMAL = (
        'Decimal must be a string such as "0.01", or an integer.',
        'Decimal 须为字符串，如 "0.01"，或整数。',
        Rule.FORMAT,
    )
    DATE = 'Date must be a string such as "2026-11-24".', 'Date 须为字符串，如 "2026-11-24"。', Rule.FORMAT
    DATETIME = (
        'DateTime must be a string with an offset, such as "2026-11-24T08:30:00+08:00".',
        'DateTime 须为带时差的字符串，如 "2026-11-24T08:30:00+08:00"。',
        Rule.FORMAT,
    )


@unique
class GraphQLWording(Wording):
    # variables and arguments that do not fit their types: a sentence around the reason
    VARIABLE_AT = "Variable '{name}' has invalid value at {path}: {reason}", "变量 {name} 中 {path} 的值无效：{reason}"
    VARIABLE = "Variable '{name}' has invalid value: {reason}", "变量 {name} 的值无效：{reason}"
    DEFAULT_AT = (
        "Variable '{name}' has invalid default value at {path}: {reason}",
        "变量 {name} 的默认值中 {path} 无效：{reason}",
    )
    DEFAULT = "Variable '{name}' has invalid default value: {reason}", "变量 {name} 的默认值无效：{reason}"
    ARGUMENT_AT = (
        "Argument '{name}' has invalid value at {path}: {reason}",
        "参数 {name} 中 {path} 的值无效：{reason}",
    )
    ARGUMENT = "Argument '{name}' has invalid value: {reason}", "参数 {name} 的值无效：{reason}"

    # the reasons
    NOT_PROVIDED = (
        "Expected a value of non-null type '{type}' to be provided.",
        "缺少 {type} 类型的必填值。",
        Rule.REQUIRED,
    )
    NULL = "Expected value of non-null type '{type}' not to be ", "{type} 类型的值不能为 null。", Rule.REQUIRED
    NULL_VARIABLE = (
        "Expected variable '{name}' provided to non-null type '{type}' not to be ",
        "变量 {name} 用于 {type} 类型，不能为 null。",
        Rule.REQUIRED,
    )
    VARIABLE_OF_ONE = (
        "Expected variable '{name}' provided to field '{key}' for OneOf Input Object type '{type}'",
        "变量 {name} 用于 {type} 的字段 {key}，须有值且不能为 null。",
        Rule.ONE_OF,
    )
    NO_VALUE = (
        "Expected variable '{name}' provided to type '{type}' to provide a runtime value.",
        "变量 {name} 用于 {type} 类型，须有值。",
        Rule.REQUIRED,
    )
    FIELD_REQUIRED = (
        "Expected value of type '{type}' to include required field '{name}'",
        "{type} 类型的值缺少必填字段 {name}。",
        Rule.REQUIRED,
    )
    FIELD_UNKNOWN = (
        "Expected value of type '{type}' not to include unknown field '{name}'",
        "{type} 类型没有字段 {name}。",
        Rule.ONE_OF,
    )
    EXACTLY_ONE = (
        "Within OneOf Input Object type '{type}', exactly one field must be specified",
        "{type} 的字段须恰好填写一个，且不能为 null。",
        Rule.ONE_OF,
    )
    OBJECT = "Expected value of type '{type}' to be an object", "{type} 类型的值须为对象。", Rule.FORMAT
    OF_TYPE = "Expected value of type '{type}'", "该值不是 {type} 类型。", Rule.FORMAT
    NO_MEMBER = "Value '{value}' does not exist in '{type}' enum.", "该值不在枚举 {type} 中。", Rule.ONE_OF
    NO_MEMBER_TYPE = "Enum '{type}' cannot represent ", "枚举 {type} 不能表示该值。", Rule.ONE_OF
    INT_32 = (
        "Int cannot represent non 32-bit signed integer value: ",
        "Int 须为 32 位有符号整数。",
        Rule.RANGE,
        (-(2**31), 2**31 - 1),
    )
    INT = "Int cannot represent non-integer value: ", "Int 须为整数。", Rule.FORMAT
    FLOAT = "Float cannot represent non numeric value: ", "Float 须为数值。", Rule.FORMAT
    STRING = "String cannot represent ", "String 须为字符串。", Rule.FORMAT
    BOOLEAN = "Boolean cannot represent ", "Boolean 须为 true 或 false。", Rule.FORMAT
    ID = "ID cannot represent ", "ID 须为字符串或整数。", Rule.FORMAT
    VARIABLES_TOO_DEEP = "Variable values are nested too deeply.", "变量的值嵌套过深。"

    # syntax
    EXPECTED = "Syntax Error: Expected {what}, found ", "语法错误：此处应为 {what}。"
    UNEXPECTED_VARIABLE = "Syntax Error: Unexpected variable ", "语法错误：常量中不能使用变量。"
    UNEXPECTED_DESCRIPTION = "Syntax Error: Unexpected description, ", "语法错误：此处不能有描述。"
    UNEXPECTED_END = "Syntax Error: Unexpected <EOF>.", "语法错误：查询文本不完整。"
    UNEXPECTED = "Syntax Error: Unexpected ", "语法错误：此处有多余或不当的内容。"
    UNTERMINATED = "Syntax Error: Unterminated string.", "语法错误：字符串没有结束。"
    NUMBER = "Syntax Error: Invalid number, ", "语法错误：数字的写法不对。"
    CHARACTER_IN_STRING = "Syntax Error: Invalid character within String: ", "语法错误：字符串中有不允许的字符。"
    ESCAPE = "Syntax Error: Invalid {kind} escape sequence: ", "语法错误：转义写法不对（{kind}）。"
    RESERVED = "Syntax Error: {name} is reserved and cannot be used for an enum value.", "语法错误：{name} 是保留字。"

    # validation
    NO_FIELD = "Cannot query field '{name}' on type '{type}'.", "类型 {type} 没有字段 {name}。"
    NO_SUBFIELDS = (
        "Field '{name}' must not have a selection since type '{type}' has no subfields.",
        "字段 {name} 的类型 {type} 没有子字段，不能选择子字段。",
    )
    SUBFIELDS = (
        "Field '{name}' of type '{type}' must have a selection of subfields.",
        "字段 {name} 的类型为 {type}，须选择子字段。",
    )
    AT_LEAST_ONE = (
        "Field '{name}' of type '{type}' must have at least one field selected.",
        "字段 {name} 的类型为 {type}，须至少选择一个子字段。",
    )
    FIELDS_CONFLICT = "Fields '{name}' conflict because ", "字段 {name} 有冲突：请为不同的字段或参数使用不同的别名。"
    SPREADS_CONFLICT = "Spreads '{name}' conflict because ", "片段 {name} 的参数有冲突。"
    NO_ARGUMENT = "Unknown argument '{name}' on {kind} '{where}'.", "{where} 没有参数 {name}（{kind}）。"
    ARGUMENT_REQUIRED = (
        "Argument '{name}' of type '{type}' is required, but it was not provided.",
        "缺少必填参数 {name}，其类型为 {type}。",
        Rule.REQUIRED,
    )
    ARGUMENT_OF_REQUIRED_TYPE = (
        "Argument '{name}' of required type '{type}' was not provided.",
        "缺少必填参数 {name}，其类型为 {type}。",
        Rule.REQUIRED,
    )
    FRAGMENT_ARGUMENT = (
        "Fragment '{name}' argument '{argument}' of type '{type}' is required, but it was not provided.",
        "片段 {name} 缺少必填参数 {argument}，其类型为 {type}。",
    )
    NO_TYPE = "Unknown type '{name}'.", "没有类型 {name}。"
    NO_DIRECTIVE = "Unknown directive '{name}'.", "没有指令 {name}。"
    DIRECTIVE_PLACE = "Directive '{name}' may not be used on {where}.", "指令 {name} 不能用于 {where}。"
    DIRECTIVE_TWICE = (
        "The directive '{name}' can only be used once at this location.",
        "指令 {name} 在此处只能使用一次。",
    )
    NO_FRAGMENT = "Unknown fragment '{name}'.", "没有片段 {name}。"
    FRAGMENT_UNUSED = "Fragment '{name}' is never used.", "片段 {name} 没有被使用。"
    FRAGMENT_IN_ITSELF = "Cannot spread fragment '{name}' within itself", "片段 {name} 不能展开自己。"
    FRAGMENT_ON_SCALAR = (
        "Fragment '{name}' cannot condition on non composite type '{type}'.",
        "片段 {name} 不能用于没有子字段的类型 {type}。",
    )
    INLINE_ON_SCALAR = (
        "Fragment cannot condition on non composite type '{type}'.",
        "片段不能用于没有子字段的类型 {type}。",
    )
    FRAGMENT_NEVER = (
        "Fragment '{name}' cannot be spread here as objects of type '{parent}' can never be of type '{type}'.",
        "片段 {name} 不能在此展开：{parent} 类型的对象不可能是 {type} 类型。",
    )
    INLINE_NEVER = (
        "Fragment cannot be spread here as objects of type '{parent}' can never be of type '{type}'.",
        "片段不能在此展开：{parent} 类型的对象不可能是 {type} 类型。",
    )
    ANONYMOUS = "This anonymous operation must be the only defined operation.", "没有名称的操作须为唯一的操作。"
    ONE_NAMED = "There can be only one {kind} named '{name}'.", "名称 {name} 只能出现一次（{kind}）。"
    VARIABLE_UNDEFINED_IN = (
        "Variable '{name}' is not defined by operation '{operation}'.",
        "操作 {operation} 没有定义变量 {name}。",
    )
    VARIABLE_UNDEFINED = "Variable '{name}' is not defined.", "没有定义变量 {name}。"
    VARIABLE_UNUSED = "Variable '{name}' is never used", "变量 {name} 没有被使用。"
    VARIABLE_TYPE = "Variable '{name}' cannot be non-input type '{type}'.", "变量 {name} 的类型 {type} 不能用于输入。"
    VARIABLE_NO_INPUT = (
        "Variable '{name}' expected value of type '{type}' which cannot be used as an input type.",
        "变量 {name} 的类型 {type} 不能用于输入。",
    )
    VARIABLE_POSITION = (
        "Variable '{name}' of type '{type}' used in position expecting type '{expected}'.",
        "变量 {name} 的类型为 {type}，此处应为 {expected}。",
    )
    VARIABLE_NULLABLE = (
        "Variable '{name}' is of type '{type}' but must be non-nullable to be used for OneOf Input Object '{parent}'.",
        "变量 {name} 的类型为 {type}，用于 {parent} 时不能为可空类型。",
    )
    NOT_SUPPORTED = "The {kind} operation is not supported by the schema.", "schema 不支持 {kind} 操作。"
    NOT_EXECUTABLE = "The {name} definition is not executable.", "定义 {name} 不能执行。"
    ONE_ROOT_FIELD = (
        "{subscription} must select only one top level field.",
        "订阅只能选择一个根字段（{subscription}）。",
    )
    A_ROOT_FIELD = "{subscription} must select one top level field.", "订阅须选择一个根字段（{subscription}）。"
    ROOT_INTROSPECTION = (
        "{subscription} must not select an introspection top level field.",
        "订阅的根字段不能是内省字段（{subscription}）。",
    )
    ROOT_DIRECTIVES = (
        "{subscription} must not use `@skip` or `@include` directives in the top level selection.",
        "订阅的根字段不能使用 @skip 或 @include（{subscription}）。",
    )
    INTROSPECTION_DEPTH = "Maximum introspection depth exceeded", "内省查询嵌套过深。"
    NO_INTROSPECTION = (
        "GraphQL introspection has been disabled, but the requested query contained the field '{name}'.",
        "内省已停用，查询中不能有字段 {name}。",
    )
