#include <algorithm>

#include "base/time_pattern_internal.h"

namespace dunlin {
namespace {

using Style = PatternElement::Style;

constexpr std::array<std::string_view, 12> kMonths{"January",   "February", "March",    "April",
                                                   "May",       "June",     "July",     "August",
                                                   "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> kDays{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                "Friday", "Saturday", "Sunday"};
constexpr std::array<std::string_view, 4> kQuarters{"1st quarter", "2nd quarter", "3rd quarter",
                                                    "4th quarter"};
constexpr std::array<std::string_view, 4> kShortQuarters{"Q1", "Q2", "Q3", "Q4"};
constexpr std::array<std::string_view, 2> kEras{"BC", "AD"};
constexpr std::array<std::string_view, 2> kLongEras{"Before Christ", "Anno Domini"};
constexpr std::array<std::string_view, 2> kNarrowEras{"B", "A"};
constexpr std::array<std::string_view, 2> kHalfDays{"AM", "PM"};

/// A name of a zone's time. `area` is where an abbreviation means it that means something else elsewhere:
/// when it is read, the full name only.
struct ZoneName {
  std::string_view abbreviation;
  std::string_view area;  // the beginning of a zone's id; empty: any other
  std::string_view full;
  std::string_view zone;  // what a text with this name means; empty: nothing
};
// The first one that fits counts.
constexpr std::array kZoneNames = std::to_array<ZoneName>({
    {"UTC", "", "Coordinated Universal Time", "UTC"},
    {"GMT", "", "Greenwich Mean Time", "GMT"},
    {"PST", "Asia/", "Philippine Standard Time", "Asia/Manila"},
    {"PST", "", "Pacific Standard Time", "America/Los_Angeles"},
    {"PDT", "", "Pacific Daylight Time", "America/Los_Angeles"},
    {"MST", "", "Mountain Standard Time", "America/Denver"},
    {"MDT", "", "Mountain Daylight Time", "America/Denver"},
    {"CST", "America/Havana", "Cuba Standard Time", "America/Havana"},
    {"CST", "Cuba", "Cuba Standard Time", "America/Havana"},
    {"CST", "Asia/Taipei", "Taipei Standard Time", "Asia/Taipei"},
    {"CST", "ROC", "Taipei Standard Time", "Asia/Taipei"},
    {"CST", "Asia/", "China Standard Time", "Asia/Shanghai"},
    {"CST", "PRC", "China Standard Time", "Asia/Shanghai"},
    {"CST", "", "Central Standard Time", "America/Chicago"},
    {"CDT", "America/Havana", "Cuba Daylight Time", "America/Havana"},
    {"CDT", "Cuba", "Cuba Daylight Time", "America/Havana"},
    {"CDT", "", "Central Daylight Time", "America/Chicago"},
    {"EST", "", "Eastern Standard Time", "America/New_York"},
    {"EDT", "", "Eastern Daylight Time", "America/New_York"},
    {"AST", "", "Atlantic Standard Time", "America/Halifax"},
    {"ADT", "", "Atlantic Daylight Time", "America/Halifax"},
    {"NST", "", "Newfoundland Standard Time", "America/St_Johns"},
    {"NDT", "", "Newfoundland Daylight Time", "America/St_Johns"},
    {"AKST", "", "Alaska Standard Time", "America/Juneau"},
    {"AKDT", "", "Alaska Daylight Time", "America/Juneau"},
    {"HST", "", "Hawaii-Aleutian Standard Time", "Pacific/Honolulu"},
    {"BST", "", "British Summer Time", "Europe/London"},
    {"IST", "Europe/", "Irish Standard Time", "Europe/Dublin"},
    {"IST", "Eire", "Irish Standard Time", "Europe/Dublin"},
    {"IST", "Asia/Jerusalem", "Israel Standard Time", "Asia/Jerusalem"},
    {"IST", "Asia/Tel_Aviv", "Israel Standard Time", "Asia/Jerusalem"},
    {"IST", "Israel", "Israel Standard Time", "Asia/Jerusalem"},
    {"IST", "", "India Standard Time", "Asia/Kolkata"},
    {"IDT", "", "Israel Daylight Time", "Asia/Jerusalem"},
    {"WET", "", "Western European Standard Time", "Atlantic/Canary"},
    {"WEST", "", "Western European Summer Time", "Atlantic/Canary"},
    {"CET", "CET", "Central European Time", ""},
    {"CET", "", "Central European Standard Time", "Europe/Paris"},
    {"CEST", "", "Central European Summer Time", "Europe/Paris"},
    {"EET", "EET", "Eastern European Time", ""},
    {"EET", "", "Eastern European Standard Time", "Europe/Bucharest"},
    {"EEST", "", "Eastern European Summer Time", "Europe/Bucharest"},
    {"MSK", "", "Moscow Standard Time", "Europe/Moscow"},
    {"PKT", "", "Pakistan Standard Time", "Asia/Karachi"},
    {"HKT", "", "Hong Kong Standard Time", "Asia/Hong_Kong"},
    {"WIB", "", "Western Indonesia Time", "Asia/Jakarta"},
    {"JST", "", "Japan Standard Time", "Asia/Tokyo"},
    {"KST", "", "Korean Standard Time", "Asia/Seoul"},
    {"AEST", "", "Australian Eastern Standard Time", "Australia/Sydney"},
    {"AEDT", "", "Australian Eastern Daylight Time", "Australia/Sydney"},
    {"ACST", "", "Australian Central Standard Time", "Australia/Adelaide"},
    {"ACDT", "", "Australian Central Daylight Time", "Australia/Adelaide"},
    {"AWST", "", "Australian Western Standard Time", "Australia/Perth"},
    {"NZST", "", "New Zealand Standard Time", "Pacific/Auckland"},
    {"NZDT", "", "New Zealand Daylight Time", "Pacific/Auckland"},
    {"ChST", "", "Chamorro Standard Time", "Pacific/Guam"},
    {"SST", "", "Samoa Standard Time", "Pacific/Pago_Pago"},
    {"CAT", "", "Central Africa Time", "Africa/Maputo"},
    {"EAT", "", "East Africa Time", "Africa/Nairobi"},
    {"WAT", "", "West Africa Standard Time", "Africa/Lagos"},
    {"SAST", "", "South Africa Standard Time", "Africa/Johannesburg"},
});
/// Zones that have only numbers for abbreviations in the system's data, and one time all year.
constexpr std::array kNumericZones = std::to_array<ZoneName>({
    {"ART", "America/Argentina/Buenos_Aires", "Argentina Standard Time", "America/Argentina/Buenos_Aires"},
    {"BDT", "Asia/Dhaka", "Bangladesh Standard Time", "Asia/Dhaka"},
    {"BRT", "America/Sao_Paulo", "Brasilia Standard Time", "America/Sao_Paulo"},
    {"COT", "America/Bogota", "Colombia Standard Time", "America/Bogota"},
    {"GST", "Asia/Dubai", "Gulf Standard Time", "Asia/Dubai"},
    {"ICT", "Asia/Bangkok", "Indochina Time", "Asia/Bangkok"},
    {"ICT", "Asia/Ho_Chi_Minh", "Indochina Time", "Asia/Bangkok"},
    {"NPT", "Asia/Kathmandu", "Nepal Time", "Asia/Kathmandu"},
    {"PET", "America/Lima", "Peru Standard Time", "America/Lima"},
    {"SGT", "Asia/Singapore", "Singapore Standard Time", "Asia/Singapore"},
    {"TRT", "Europe/Istanbul", "Turkey Time", "Europe/Istanbul"},
    {"VET", "America/Caracas", "Venezuela Time", "America/Caracas"},
});

template <std::size_t N>
std::string_view of(const std::array<std::string_view, N>& names, int value) {
  return value >= 0 && static_cast<std::size_t>(value) < N ? names[static_cast<std::size_t>(value)]
                                                           : std::string_view{};
}

std::string_view cut(std::string_view name, Style style) {
  return style == Style::full ? name : name.substr(0, style == Style::narrow ? 1 : 3);
}

void take_longer(NamedZone& best, std::string_view text, std::string_view name, std::string_view zone) {
  if (!zone.empty() && name.size() > best.length && text.starts_with(name)) best = {zone, name.size()};
}

}  // namespace

std::string_view pattern_name(PatternField field, Style style, int value) {
  switch (field) {
    case PatternField::month:
      return cut(of(kMonths, value - 1), style);
    case PatternField::weekday:
      return cut(of(kDays, value - 1), style);
    case PatternField::quarter:
      if (style == Style::narrow) return of(kShortQuarters, value - 1).substr(1);
      return style == Style::full ? of(kQuarters, value - 1) : of(kShortQuarters, value - 1);
    case PatternField::era:
      return of(style == Style::brief ? kEras : style == Style::full ? kLongEras : kNarrowEras, value);
    case PatternField::half_day:
      return of(kHalfDays, value);
    default:
      return {};
  }
}

std::string zone_display_name(std::string_view zone, std::string_view abbreviation, Style style) {
  for (const ZoneName& one : kNumericZones)
    if (one.area == zone) return std::string(style == Style::full ? one.full : one.abbreviation);
  if (style == Style::brief) return std::string(abbreviation);
  const auto found = std::ranges::find_if(kZoneNames, [&](const ZoneName& one) {
    return one.abbreviation == abbreviation && zone.starts_with(one.area);
  });
  return std::string(found == kZoneNames.end() ? abbreviation : found->full);
}

NamedZone zone_by_name(std::string_view text, Style style) {
  NamedZone best;
  if (style == Style::full) {
    for (const ZoneName& one : kZoneNames) take_longer(best, text, one.full, one.zone);
    for (const ZoneName& one : kNumericZones) take_longer(best, text, one.full, one.zone);
    return best;
  }
  for (const ZoneName& one : kZoneNames)
    if (one.area.empty()) take_longer(best, text, one.abbreviation, one.zone);
  for (const ZoneName& one : kNumericZones) take_longer(best, text, one.abbreviation, one.zone);
  return best;
}

}  // namespace dunlin
