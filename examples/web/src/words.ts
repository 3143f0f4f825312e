/** Names of fields that findings and refusals point at; the labels of enums are in the package. */
export const FIELDS: Readonly<Record<string, string>> = {
  name: "姓名", phone: "手机号码", idCard: "身份证号", sex: "性别", birthDate: "出生日期", nation: "民族",
  registeredAddress: "户籍地址", photo: "头像", politicalStatus: "政治面貌", isVeteran: "退役军人",
  receivesSubsistenceAllowance: "低保", isPetitioner: "上访", jobName: "工作", companyName: "公司",
  building: "楼号", unit: "单元号", floor: "楼层", room: "房间号", role: "居民角色", status: "房屋状态", use: "房屋用途",
  ownership: "房屋性质", occupantType: "住户类型",
};

const FORMAT = new Intl.DateTimeFormat("zh-CN", { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Shanghai" });

export const showTime = (moment: string | null | undefined) => (moment ? FORMAT.format(new Date(moment)) : "");
