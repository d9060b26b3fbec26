// Makes time_pattern.txt: what Joda-Time and java.time say of the patterns of base/time_pattern.h.
//
// Usage (Debian: openjdk-17-jdk-headless, libjoda-time-java):
//   java -cp /usr/share/java/joda-time.jar src/base/vectors/TimePatternVectors.java > src/base/vectors/time_pattern.txt
//
// A line is: operation TAB pattern TAB zone TAB what goes in TAB what comes out; "-" stands for nothing. Everything is
// written in the order of fixed lists and of a generator with a fixed seed: the same lines each time.
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoField;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalQueries;
import java.util.Locale;
import java.util.Random;
import org.joda.time.DateTimeZone;
import org.joda.time.format.DateTimeFormat;

class TimePatternVectors {
  static final Random random = new Random(7);
  static final String[] ZONES = {"UTC", "Europe/Berlin", "America/Los_Angeles", "America/Belize", "Asia/Kolkata", "Australia/Adelaide",
    "Asia/Singapore", "America/St_Johns", "Asia/Tokyo", "Pacific/Auckland", "+05:30", "Europe/Dublin", "America/Sao_Paulo", "Asia/Shanghai"};
  static final long[] INSTANTS = {0L, 100000000L, -1L, -86400001L, 1764509825123L, 1774746000000L, 1792890000000L, 1709164799999L, 951782400000L,
    1735689599999L, 1735516800000L, 1767225600000L, 1609459200007L, 4102444800000L, 253402300799999L, -62135596800001L, 1719792000450L};
  static final String[] JODA = {"yyyy.MM.dd G 'at' HH:mm:ss z", "y", "yy", "yyy", "yyyy", "yyyyy", "Y", "YY", "YYYY", "C", "CC", "x", "xx", "xxxx", "w", "ww", "e", "ee",
    "E", "EE", "EEE", "EEEE", "M", "MM", "MMM", "MMMM", "d", "dd", "ddd", "D", "DDD", "a", "K", "KK", "h", "hh", "H", "HH", "k", "kk", "m", "mm", "s", "ss",
    "S", "SS", "SSS", "SSSSSS", "SSSSSSSSS", "z", "zzzz", "Z", "ZZ", "ZZZ", "G", "yyyy-MM-dd'T'HH:mm:ss.SSSZZ", "h 'o''clock' a", "''yyyy''", "'it''s' yy",
    "EEE, d MMM yyyy HH:mm:ss Z", "xxxx-'W'ww-e", "yyyyMMddHHmmssSSS", "dd/MM/yy hh:mm a", "EEEE, MMMM d, yyyy", "yyyy-DDD", "HH:mm 'open", "#{yyyy}[MM]"};
  static final String[] JAVA = {"u", "uu", "uuuu", "y", "yy", "yyyy", "yyyyy", "M", "MM", "MMM", "MMMM", "MMMMM", "L", "LLL", "LLLL", "d", "dd", "D", "DD", "DDD",
    "Q", "QQ", "QQQ", "QQQQ", "QQQQQ", "q", "Y", "YY", "YYYY", "w", "ww", "W", "E", "EEEE", "EEEEE", "e", "ee", "eee", "eeee", "c", "ccc", "cccc", "a", "h", "hh",
    "H", "HH", "k", "kk", "K", "KK", "m", "mm", "s", "ss", "S", "SSS", "SSSSSSSSS", "n", "nnnnn", "VV", "z", "zzz", "zzzz", "O", "OOOO", "X", "XX", "XXX", "XXXX",
    "XXXXX", "x", "xx", "xxx", "xxxx", "xxxxx", "Z", "ZZZ", "ZZZZ", "ZZZZZ", "G", "GGGG", "GGGGG", "''", "'a''b'", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "YYYY-'W'ww-e"};
  // Patterns that say all of a date; some of a time and a zone, too.
  static final String[] WHOLE = {"yyyy-MM-dd", "yyyy-MM-dd HH:mm:ss", "yyyyMMdd", "yyyyMMddHHmmss", "yyyyMMddHHmmssSSS", "yyMMdd", "d MMM yyyy", "MMMM d, yyyy h:mm a",
    "EEE, dd MMM yyyy HH:mm:ss Z", "yyyy-DDD", "yyyyDDD", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyy-MM-dd'T'HH:mm:ssX", "yyyy-MM-dd HH:mm:ss VV", "yyyy-MM-dd HH:mm z",
    "yyyy-MM-dd HH:mm zzzz", "YYYY-'W'ww-e", "yyyy-MM-dd G", "uuuu/M/d k:m", "yyyy-MM-dd K a", "dd.MM.yyyy HH:mm:ss.SSSSSSSSS xxx", "yyyy-MM-dd HH:mm:ss O",
    "yyyy-MM-dd HH:mm:ss OOOO", "yyyy-MM-dd HH:mm:ss ZZZZZ", "yyyy-MM-dd QQQ EEEE", "EEE MMM dd HH:mm:ss zzz yyyy", "HHmmss yyyyMMdd", "yyyy MM dd HHmm n"};
  static final String[][] TEXTS = {
    {"yyyy-MM-dd", "2026-02-30", "2026-02-31", "2026-04-31", "2026-13-01", "2026-00-10", "2026-1-1", "26-01-01", "+12345-01-01", "-0044-03-15", "2026-01-01 ", "", "0000-01-01"},
    {"uuuu-MM-dd", "-0044-03-15", "0000-01-01", "+2026-01-01", "2026-01-32"},
    {"y-M-d", "2026-1-1", "2026-01-01", "-5-1-1", "+5-1-1", "5-2-30", "9999-12-31"},
    {"yyyyMMdd", "20260115", "120260115", "2026015", "+120260115"},
    {"yyMMdd", "260115", "990115", "2601150"},
    {"yyyy-MM-dd HH:mm", "2026-01-15 24:00", "2026-01-15 24:01", "2026-01-15 23:60", "2026-01-15 7:05", "2026-03-29 02:30", "2026-10-25 02:30"},
    {"yyyy-MM-dd H:m:s", "2026-01-15 7:5:3", "2026-01-15 07:05:03", "2026-01-15 7:5:60"},
    {"yyyy-MM-dd hh:mm a", "2026-01-15 12:00 AM", "2026-01-15 12:00 PM", "2026-01-15 00:30 AM", "2026-01-15 13:30 PM", "2026-01-15 01:30 pm"},
    {"yyyy-MM-dd HH:mm a", "2026-01-15 14:00 PM", "2026-01-15 14:00 AM"},
    {"yyyy-MM-dd hh:mm", "2026-01-15 01:00"}, {"yyyy-MM-dd a", "2026-01-15 PM"}, {"yyyy-MM-dd kk", "2026-01-15 24", "2026-01-15 00"},
    {"yyyy-MM-dd mm", "2026-01-15 10"}, {"yyyy-MM-dd HH ss", "2026-01-15 10 11"}, {"HH:mm", "10:11"}, {"yyyy-MM", "2026-01"}, {"yyyy", "2026"}, {"dd MMM", "15 Jan"},
    {"d MMM yyyy", "5 Jan 2026", "5 jan 2026", "5 January 2026", "05 Sep 2026"}, {"d MMMM yyyy", "5 January 2026", "5 May 2026", "5 Jan 2026"},
    {"EEE yyyy-MM-dd", "Thu 2026-01-15", "Fri 2026-01-15"}, {"yyyy-MM-dd Q", "2026-01-15 1", "2026-01-15 2"}, {"yyyy-DDD", "2026-366", "2024-366", "2026-015", "2026-15"},
    {"yyyy-MM-dd G", "2026-01-15 AD", "0044-03-15 BC"}, {"yyyy-MM-dd w", "2026-01-15 3", "2026-01-15 4"}, {"YYYY-ww-e", "2026-03-5", "2026-53-1", "2026-01-1"},
    {"YYYY w EEE", "2026 3 Thu", "2026 3 Sun"},
    {"yyyy-MM-dd HH:mm VV", "2026-01-15 10:00 UTC+01:00", "2026-01-15 10:00 UTC", "2026-01-15 10:00 Z", "2026-01-15 10:00 +01:00", "2026-01-15 10:00 GMT-03:30",
      "2026-07-15 10:00 Europe/Berlin", "2026-01-15 10:00 europe/berlin", "2026-01-15 10:00 UT", "2026-01-15 10:00 Mars/Olympus", "2026-01-15 10:00 +1", "2026-01-15 10:00 Etc/GMT+5",
      "2026-01-15 10:00 America/Argentina/Buenos_Aires", "2026-03-08 02:30 America/New_York", "2026-11-01 01:30 America/New_York", "2026-01-15 10:00 CET"},
    {"yyyy-MM-dd HH:mm z", "2026-01-15 10:00 PST", "2026-07-15 10:00 PDT", "2026-01-15 10:00 America/Los_Angeles", "2026-01-15 10:00 UTC", "2026-01-15 10:00 GMT", "2026-01-15 10:00 Pacific Standard Time",
      "2026-01-15 10:00 CET", "2026-07-15 10:00 CEST", "2026-01-15 10:00 EST5EDT", "2026-01-15 10:00 XYZ", "2026-01-15 10:00 GMT+02:00", "2026-01-15 10:00 JST", "2026-01-15 10:00 Z"},
    {"yyyy-MM-dd HH:mm X", "2026-01-15 10:00 Z", "2026-01-15 10:00 +01", "2026-01-15 10:00 +0130", "2026-01-15 10:00 +01:30", "2026-01-15 10:00 01", "2026-01-15 10:00 +19", "2026-01-15 10:00 -18"},
    {"yyyy-MM-dd HH:mm XXX", "2026-01-15 10:00 Z", "2026-01-15 10:00 +01:00", "2026-01-15 10:00 +0100", "2026-01-15 10:00 +01:60", "2026-01-15 10:00 +00:00", "2026-01-15 10:00 -00:00"},
    {"yyyy-MM-dd HH:mm xx", "2026-01-15 10:00 +0100", "2026-01-15 10:00 Z", "2026-01-15 10:00 +0000"}, {"yyyy-MM-dd HH:mm XXXXX", "2026-01-15 10:00 +01:00:30", "2026-01-15 10:00 +01:00"},
    {"yyyy-MM-dd HH:mm Z", "2026-01-15 10:00 -0800", "2026-01-15 10:00 -08:00"}, {"yyyy-MM-dd HH:mm O", "2026-01-15 10:00 GMT+8", "2026-01-15 10:00 GMT+08:00", "2026-01-15 10:00 GMT", "2026-01-15 10:00 GMT-3:30"},
    {"yyyy-MM-dd HH:mm OOOO", "2026-01-15 10:00 GMT+8", "2026-01-15 10:00 GMT+08:00", "2026-01-15 10:00 GMT"},
    {"yyyy-MM-dd HH:mm:ss.SSS", "2026-01-15 10:00:00.123", "2026-01-15 10:00:00.12", "2026-01-15 10:00:00.1234", "1969-12-31 23:59:59.999"}, {"yyyy-MM-dd HH:mm:ss n", "2026-01-15 10:00:00 5000000"},
    {"yyyy-MM-dd HH:mm:ssSSS", "2026-01-15 10:00:00123"}, {"yyyy'T'MM'T'dd", "2026T01T15"}, {"'x''y' yyyy-MM-dd", "x'y 2026-01-15", "xy 2026-01-15"},
    {"yyyy-MM-dd HH:mm VV XXX", "2026-10-25 02:30 Europe/Berlin +01:00", "2026-10-25 02:30 Europe/Berlin +02:00"}};
  static final String[] BAD_JODA = {"b", "yyyy-bb", "I", "", "SSSSSSSSSSSSSSSSSSSSS?j"};
  static final String[] BAD_JAVA = {"yyyy'", "dddd", "MMMMMM", "V", "VVV", "XXXXXX", "ZZZZZZ", "OO", "cc", "aa", "WW", "www", "HHH", "I", "b", "zzzzz", "SSSSSSSSSS", "uuuuuuuuuuuuuuuuuuuu", "DDDD", "GGGGGG", "yyyy}"};

  // The zones' first times differ between their data and the system's.
  static String zoneFor(long ms, String zone) {
    return ms < -2000000000000L ? "UTC" : zone;
  }

  static void line(String... parts) {
    System.out.println(String.join("\t", parts));
  }

  static String joda(String pattern, long ms, String zone) {
    try {
      return DateTimeFormat.forPattern(pattern).withLocale(Locale.US).withZone(DateTimeZone.forID(zone)).print(ms);
    } catch (IllegalArgumentException e) {
      return "-";
    }
  }

  static String java(String pattern, long ms, String zone) {
    try {
      return DateTimeFormatter.ofPattern(pattern, Locale.US).format(Instant.ofEpochMilli(ms).atZone(ZoneId.of(zone)));
    } catch (RuntimeException e) {
      return "-";
    }
  }

  /// As time_to_epoch is described: midnight where there is no time, the zone of the text or else the given one.
  static String read(String pattern, String text, String zone) {
    try {
      TemporalAccessor parsed = DateTimeFormatter.ofPattern(pattern, Locale.US).parse(text);
      LocalDate date = parsed.query(TemporalQueries.localDate());
      LocalTime time = parsed.query(TemporalQueries.localTime());
      if (date == null) return "-";
      if (parsed.isSupported(ChronoField.INSTANT_SECONDS)) return "" + Instant.from(parsed).toEpochMilli();
      boolean timeSaid = false;
      for (ChronoField field : new ChronoField[] {ChronoField.HOUR_OF_DAY, ChronoField.HOUR_OF_AMPM, ChronoField.AMPM_OF_DAY, ChronoField.MINUTE_OF_HOUR, ChronoField.SECOND_OF_MINUTE, ChronoField.NANO_OF_SECOND})
        timeSaid |= parsed.isSupported(field);
      if (time == null && timeSaid) return "-";
      ZoneId at = parsed.query(TemporalQueries.zone());
      if (parsed.isSupported(ChronoField.OFFSET_SECONDS)) at = ZoneOffset.ofTotalSeconds(parsed.get(ChronoField.OFFSET_SECONDS));
      java.time.Period excess = parsed.query(DateTimeFormatter.parsedExcessDays());
      return "" + date.plus(excess).atTime(time == null ? LocalTime.MIDNIGHT : time).atZone(at == null ? ZoneId.of(zone) : at).toInstant().toEpochMilli();
    } catch (RuntimeException e) {
      return "-";
    }
  }

  static String zone() {
    return ZONES[random.nextInt(ZONES.length)];
  }

  public static void main(String[] args) {
    for (String pattern : JODA)
      for (int i = 0; i < (pattern.contains("z") ? ZONES.length : 7); ++i) {
        String zone = pattern.contains("z") ? ZONES[i] : zone();
        long ms = i < 2 && pattern.contains("z") ? INSTANTS[4 + i] : INSTANTS[random.nextInt(pattern.contains("z") ? 14 : INSTANTS.length)];
        zone = zoneFor(ms, zone);
        line("joda", pattern, zone, "" + ms, joda(pattern, ms, zone));
      }
    for (String pattern : BAD_JODA) line("joda", pattern, "UTC", "0", joda(pattern, 0, "UTC"));
    for (String pattern : JAVA)
      for (int i = 0; i < 6; ++i) {
        String zone = zone();
        long ms = INSTANTS[random.nextInt(INSTANTS.length)];
        zone = zoneFor(ms, zone);
        line("java", pattern, zone, "" + ms, java(pattern, ms, zone));
      }
    for (String pattern : BAD_JAVA) line("java", pattern, "UTC", "0", java(pattern, 0, "UTC"));
    for (String pattern : WHOLE)
      for (int i = 0; i < 8; ++i) {
        String zone = zone();
        long ms = INSTANTS[random.nextInt(INSTANTS.length)];
        zone = zoneFor(ms, zone);
        String text = java(pattern, ms, zone);
        if (text.contains("ACST")) continue;  // java.time reads it as a time of Brazil
        line("read", pattern, zone, text, read(pattern, text, zone));
      }
    for (String[] row : TEXTS)
      for (int i = 1; i < row.length; ++i)
        for (String zone : new String[] {"UTC", "Europe/Berlin"}) line("read", row[0], zone, row[i], read(row[0], row[i], zone));
  }
}
