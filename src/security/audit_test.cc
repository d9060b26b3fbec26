#include "security/audit.h"

#include <gmock/gmock.h>

#include <fstream>
#include <iomanip>
#include <sstream>

#include "base/hex.h"
#include "security/audit_fixture.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

AuditRecord example() {
  AuditRecord record;
  record.sequence = 2;
  record.at = 1'800'000'000'123;
  record.actor = "ada";
  record.proof = "session";
  record.address = "192.0.2.7:40000";
  record.action = "user.create";
  record.object = "bob";
  record.outcome = "ok";
  record.detail = "with a space";
  record.previous.fill(0x11);
  record.hash = record_hash(record);
  return record;
}
AuditHead example_head() {
  AuditHead head;
  head.last = 2;
  head.hash = example().hash;
  head.before = 3;
  return head;
}

/// The indented lines under a heading of docs/formats/audit.md.
std::vector<std::string> documented(const std::string& heading) {
  std::ifstream file(std::string{DUNLIN_SOURCE_DIR} + "/docs/formats/audit.md");
  std::string line;
  while (std::getline(file, line) && line != heading) {
  }
  std::vector<std::string> lines;
  while (std::getline(file, line) && !line.starts_with("#")) {
    if (line.starts_with("    ")) lines.push_back(line.substr(4));
  }
  return lines;
}
/// A dump as the page has it: "offset: hex hex ...".
std::vector<std::string> dump(const std::vector<std::uint8_t>& bytes) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < bytes.size(); at += 16) {
    std::ostringstream out;
    out << std::hex << std::setw(6) << std::setfill('0') << at << ":";
    for (std::size_t i = at; i < std::min(at + 16, bytes.size()); ++i)
      out << ' ' << std::setw(2) << std::setfill('0') << static_cast<int>(bytes[i]);
    lines.push_back(out.str());
  }
  return lines;
}
std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += "    " + line + "\n";
  return text;
}

TEST(AuditFormat, TheDocumentedBytesAreTheHashedOnes) {
  EXPECT_EQ(documented("## What is hashed"), dump(hashed_bytes(example())))
      << text_of(dump(hashed_bytes(example())));
  EXPECT_THAT(documented("## A record"), ElementsAre(to_json_text(example())));
  const Digest signature = hmac_sha256(as_bytes("key"), signed_bytes(example_head()));
  EXPECT_EQ(documented("## What is signed"), dump(signed_bytes(example_head())))
      << text_of(dump(signed_bytes(example_head())));
  EXPECT_THAT(documented("## The head"), ElementsAre(to_json_text(example_head(), signature)));
}

TEST(AuditFormat, ReadsWhatItWroteAndNothingElse) {
  const std::string text = to_json_text(example());
  const auto read = audit_record_of(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json_text(*read), text);
  EXPECT_EQ(record_hash(*read), read->hash);
  for (const char* wrong : {"", "{}", "[]", "7", R"({"sequence":1})", "{\"sequence\":1,\"sequence\":2}"})
    EXPECT_FALSE(audit_record_of(wrong)) << wrong;
  std::string more = text;
  more.insert(1, "\"note\":1,");
  EXPECT_FALSE(audit_record_of(more));
  std::string upper = text;
  upper.replace(upper.find("1111"), 4, "111G");
  EXPECT_FALSE(audit_record_of(upper));
  EXPECT_EQ(audit_record_of(std::string(kMaxAuditRecordBytes + 1, ' ')).error().code, Errc::limit_exceeded);
}

TEST(AuditFormat, TextsAreCutAndCleaned) {
  const std::string longer(2000, 'x');
  const auto change = audit_change(kDefaultTenant, WallTime{},
                                   {.actor = Actor(std::string("a\xff\nb"), Proof::password, longer),
                                    .action = longer,
                                    .object = std::string(kMaxAuditText - 1, 'o') + "\xc3\xa4",
                                    .outcome = AuditOutcome::denied,
                                    .detail = longer,
                                    .count = 9});
  const auto record = unplaced_record_of(change.document, 1);
  ASSERT_TRUE(record) << change.document.body;
  EXPECT_EQ(record->actor, "a??b");
  EXPECT_EQ(record->proof, "password");
  EXPECT_EQ(record->address.size(), kMaxAuditAddress);
  EXPECT_EQ(record->action.size(), kMaxAuditAction);
  EXPECT_EQ(record->object, std::string(kMaxAuditText - 1, 'o')) << "never half a character";
  EXPECT_EQ(record->detail.size(), kMaxAuditText);
  EXPECT_EQ(record->outcome, "denied");
  EXPECT_EQ(record->count, 9U);
  AuditRecord worst = *record;
  worst.sequence = std::uint64_t{1} << 62U;
  EXPECT_LT(to_json_text(worst).size(), kMaxAuditRecordBytes);
}

TEST(AuditKeyTest, StaysTheSameAndSaysWhetherItIsFresh) {
  MemoryFs fs;
  SeededRng rng(1);
  auto made = AuditKey::open(fs, rng, "data").value();
  EXPECT_TRUE(made.is_fresh());
  const auto again = AuditKey::open(fs, rng, "data").value();
  EXPECT_TRUE(again.is_fresh());
  EXPECT_EQ(made.sign({}), again.sign({}));
  ASSERT_TRUE(made.seal());
  const auto sealed = AuditKey::open(fs, rng, "data").value();
  EXPECT_FALSE(sealed.is_fresh());
  EXPECT_EQ(sealed.sign({}), again.sign({}));
  fs.files["data/audit.key"] = "short";
  EXPECT_EQ(AuditKey::open(fs, rng, "data").error().code, Errc::corrupt);
}

// ---- reading ----

struct AuditLogTest : AuditTest {
  AuditPage list(AuditListQuery query) {
    auto page = wait<AuditPage>([&](auto done) { log->list(std::move(query), std::move(done)); });
    EXPECT_TRUE(page);
    return page ? *page : AuditPage{};
  }
  static std::string numbers(const std::vector<AuditRecord>& records) {
    std::string text;
    for (const AuditRecord& record : records) text += std::to_string(record.sequence) + " ";
    return text;
  }
  AuditExport exported(AuditExportQuery query) {
    auto page = wait<AuditExport>([&](auto done) { log->export_page(query, std::move(done)); });
    EXPECT_TRUE(page);
    return page ? *page : AuditExport{};
  }
  /// The whole log as `dunlin audit export` writes it.
  std::vector<std::string> lines() {
    std::vector<std::string> all;
    AuditExportQuery query{.limit = 3};
    while (true) {
      const AuditExport page = exported(query);
      for (const AuditRecord& record : page.records) all.push_back(to_json_text(record));
      if (page.head) all.push_back(to_json_text(page.head->head, page.head->signature));
      if (page.next == 0) return all;
      query.first = page.next;
      query.through = page.through;
    }
  }
  static std::string judge(const std::vector<std::string>& lines, const AuditKey* key = nullptr) {
    AuditFileVerifier verifier(key);
    for (const std::string& line : lines) {
      if (const auto problem = verifier.take_line(line)) return problem->why;
    }
    const auto problem = verifier.end();
    return problem ? problem->why : "";
  }
};

TEST_F(AuditLogTest, ListsTheNewestFirstAndPages) {
  fill(6);
  EXPECT_EQ(numbers(list({}).records), "7 6 5 4 3 2 1 ");
  const AuditPage first = list({.limit = 3});
  EXPECT_EQ(numbers(first.records), "7 6 5 ");
  EXPECT_EQ(first.next, 5U);
  EXPECT_EQ(numbers(list({.before = first.next, .limit = 3}).records), "4 3 2 ");
  const AuditPage last = list({.before = 2, .limit = 3});
  EXPECT_EQ(numbers(last.records), "1 ");
  EXPECT_EQ(last.next, 0U);
  EXPECT_EQ(numbers(list({.tenant = 9}).records), "");
}

TEST_F(AuditLogTest, Filters) {
  const std::int64_t begin = unix_milliseconds(clock.wall_now());
  fill(4);
  ASSERT_TRUE(write({entry("user.create", "bob", "eve"), entry("user.delete", "bob")}));
  EXPECT_EQ(numbers(list({.filter = {.actor = "eve"}}).records), "6 ");
  EXPECT_EQ(numbers(list({.filter = {.action_prefix = "user."}}).records), "7 6 ");
  EXPECT_EQ(numbers(list({.filter = {.action_prefix = "user.", .object = "t1"}}).records), "");
  EXPECT_EQ(numbers(list({.filter = {.object = "t1"}}).records), "3 ");
  EXPECT_EQ(numbers(list({.filter = {.from = begin + 2000, .until = begin + 4000}}).records), "4 3 ");
}

TEST_F(AuditLogTest, AListLooksAtSoManyAndSaysWhereToGoOn) {
  const int many = static_cast<int>(kMaxAuditScanned) + 500;
  for (int i = 0; i < many; i += 100) ASSERT_TRUE(write(std::vector<store::Change>(100, entry("a"))));
  const AuditPage page = list({.filter = {.action_prefix = "audit.begin"}});
  EXPECT_THAT(page.records, IsEmpty());
  ASSERT_GT(page.next, 0U);
  const AuditPage next = list({.filter = {.action_prefix = "audit.begin"}, .before = page.next});
  EXPECT_EQ(numbers(next.records), "1 ");
}

TEST_F(AuditLogTest, RecordsOfATimeLongAgoAreFoundWithoutReadingAllAgain) {
  const std::int64_t begin = unix_milliseconds(clock.wall_now());
  const int many = static_cast<int>(kMaxAuditScanned) + 500;
  for (int i = 0; i < many; i += 100) {
    clock.advance_to(clock.now() + std::chrono::seconds{1});
    ASSERT_TRUE(write(std::vector<store::Change>(100, entry("a"))));
  }
  const AuditListQuery early{.filter = {.from = begin + 1000, .until = begin + 2000}};
  AuditPage page = list(early);
  EXPECT_THAT(page.records, IsEmpty()) << "nothing is known of these times yet";
  ASSERT_GT(page.next, 0U);
  AuditListQuery more = early;
  more.before = page.next;
  EXPECT_EQ(list(more).records.size(), 100U);
  page = list(early);
  EXPECT_EQ(page.records.size(), 100U);
  EXPECT_EQ(page.records.back().sequence, 2U);
  // A clock that was set back: the newest record is of that time, too.
  ASSERT_TRUE(write({audit_change(kDefaultTenant, from_unix_milliseconds(begin + 1500),
                                  {.actor = "ada", .action = "late", .object = "x"})}));
  EXPECT_EQ(list(early).records.front().action, "late");
  EXPECT_EQ(numbers(list({.filter = {.from = begin + 1000, .until = begin + 2000}, .limit = 2}).records),
            std::to_string(many + 2) + " 101 ");
}

TEST_F(AuditLogTest, RecordsThatComeWhileSomebodyPagesAreNotInThePages) {
  fill(9);
  const AuditPage first = list({.limit = 4});
  fill(5);
  EXPECT_EQ(numbers(list({.before = first.next, .limit = 4}).records), "6 5 4 3 ");
}

TEST_F(AuditLogTest, HowFarAVerificationIsCanBeSeen) {
  fill(3);
  EXPECT_EQ(log->progress().state, AuditProgress::State::none);
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(write(std::vector<store::Change>(100, entry("a"))));
  bool done = false;
  std::vector<std::uint64_t> seen;
  log->verify(1, [&](const Result<AuditReport>&) { done = true; });
  const std::function<void()> look = [&] {
    const std::uint64_t checked = log->progress().checked;
    if (seen.empty() || seen.back() != checked) seen.push_back(checked);
    if (!done) executor.post([&] { look(); });
  };
  look();
  scheduler.run_ready();
  ASSERT_TRUE(done);
  EXPECT_GE(seen.size(), 4U) << "in slices";
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(log->progress().of, 604U);
  EXPECT_EQ(log->progress().checked, 604U);
  EXPECT_EQ(log->progress().state, AuditProgress::State::done);
  EXPECT_FALSE(log->progress().report.problem);
  record(300).body += " ";
  EXPECT_NE(problem(), "");
  EXPECT_EQ(log->progress().report.problem->sequence, 300U);
}

TEST_F(AuditLogTest, AnExportHoldsByItself) {
  fill(7);
  const auto all = lines();
  EXPECT_EQ(all.size(), 9U);
  EXPECT_EQ(judge(all), "");
  EXPECT_EQ(judge(all, &chain->key()), "");
  fill(1);
  // A range stays the same range while the log grows.
  const auto part = exported({.first = 3, .through = 5, .limit = 100});
  EXPECT_EQ(numbers(part.records), "3 4 5 ");
  EXPECT_FALSE(part.head);
  EXPECT_EQ(part.next, 0U);
  EXPECT_EQ(exported({.first = 50}).next, 0U);
}

TEST_F(AuditLogTest, AnExportThatWasTamperedWithIsFound) {
  fill(7);
  const auto all = lines();
  auto edited = all;
  edited[3].replace(edited[3].find("ada"), 3, "eve");
  EXPECT_THAT(judge(edited), StartsWith("line 4: record 4 was changed"));
  auto shorter = all;
  shorter.erase(shorter.begin() + 2);
  EXPECT_THAT(judge(shorter), HasSubstr("record 3 is missing before record 4"));
  auto swapped = all;
  std::swap(swapped[4], swapped[5]);
  EXPECT_THAT(judge(swapped), HasSubstr("record 5 is missing before record 6"));
  auto cut = all;
  cut.erase(cut.end() - 3, cut.end() - 1);
  EXPECT_EQ(judge(cut), "records 7 to 8 are missing at the end");
  auto doubled = all;
  doubled.push_back(all[0]);
  EXPECT_THAT(judge(doubled), HasSubstr("nothing may follow the head"));
  auto garbage = all;
  garbage[0] = "{";
  EXPECT_THAT(judge(garbage), StartsWith("line 1: "));
  auto resigned = all;
  SignedHead head = signed_head_of(all.back()).value();
  head.signature[0] ^= 1;
  resigned.back() = to_json_text(head.head, head.signature);
  EXPECT_EQ(judge(resigned), "") << "without the key nobody can say";
  EXPECT_THAT(judge(resigned, &chain->key()), HasSubstr("not signed with this key"));
}

TEST_F(AuditLogTest, AnExportIsFoundChangedWhateverBitFlips) {
  fill(2);
  const auto all = lines();
  for (std::size_t line = 0; line < all.size(); ++line) {
    for (std::size_t bit = 0; bit < all[line].size() * 8; ++bit) {
      auto flipped = all;
      flipped[line][bit / 8] = static_cast<char>(flipped[line][bit / 8] ^ (1 << (bit % 8)));
      EXPECT_NE(judge(flipped, &chain->key()), "") << flipped[line];
    }
  }
}

TEST_F(AuditLogTest, OneVerificationAtATime) {
  fill(3);
  int done = 0;
  log->verify(1, [&](const Result<AuditReport>& report) { done += report ? 1 : 0; });
  EXPECT_TRUE(log->verifying());
  EXPECT_EQ(wait<AuditReport>([&](auto answer) { log->verify(1, std::move(answer)); }).error().code,
            Errc::unavailable);
  EXPECT_EQ(done, 1);
  EXPECT_FALSE(log->verifying());
  EXPECT_GT(metrics.value("dunlin_audit_verified_at_seconds"), 0);
}

TEST_F(AuditLogTest, WhatIsWrittenMeanwhileIsNoProblem) {
  fill(450);
  std::optional<AuditReport> found;
  log->verify(1, [&](Result<AuditReport> report) { found = *std::move(report); });
  for (int i = 0; i < 20; ++i) chain->write(executor, {entry("meanwhile")}, [](const Result<Versions>&) {});
  scheduler.run_ready();
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->problem) << found->problem->why;
  EXPECT_GE(found->records, 451U);
}

}  // namespace
}  // namespace dunlin::security
