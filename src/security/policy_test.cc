#include "security/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <thread>

#include "base/rng.h"
#include "security/limits.h"

namespace dunlin::security {
namespace {

using testing::HasSubstr;

std::string unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!text.substr(i).starts_with("\\x")) {
      out.push_back(text[i]);
      continue;
    }
    out.push_back(static_cast<char>(std::stoi(std::string(text.substr(i + 2, 2)), nullptr, 16)));
    i += 3;
  }
  return out;
}

PolicyEngine::PolicyRef compile(std::string_view json) {
  auto policy = Policy::parse(json);
  return policy ? std::make_shared<const Policy>(std::move(*policy)) : nullptr;
}

std::string default_policy(std::string_view name) {
  for (const DefaultPolicy& policy : default_policies()) {
    if (policy.name == name) return std::string(policy.json);
  }
  return {};
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream input(text);
  for (std::string part; std::getline(input, part, separator);) parts.push_back(part);
  return parts;
}

/// Reads testdata/policy.test and asks the engine each of its questions.
class Cases {
 public:
  void run(const std::string& path) {
    std::ifstream input(path);
    for (std::string line; std::getline(input, line);) {
      ++line_;
      if (line.empty() || line.starts_with("# ")) continue;
      if (line.starts_with("policy ")) {
        read_policy(line.substr(7));
      } else if (line.starts_with("principal ")) {
        read_principal(line.substr(10));
      } else {
        ask(line);
      }
    }
  }
  int asked = 0;

 private:
  void read_policy(const std::string& line) {
    const std::size_t space = line.find(' ');
    const std::string name = line.substr(0, space);
    const std::string json = line.substr(space + 1);
    engine_.put(name, compile(json == "@default" ? default_policy(name) : json));
  }

  void read_principal(const std::string& line) {
    const auto words = split(line, ' ');
    Principal principal;
    const std::map<std::string, PrincipalKind> kinds = {{"device", PrincipalKind::device},
                                                        {"gateway", PrincipalKind::gateway},
                                                        {"user", PrincipalKind::user},
                                                        {"anonymous", PrincipalKind::anonymous}};
    principal.kind = kinds.at(words.at(1));
    for (std::size_t i = 2; i < words.size(); ++i) {
      const std::size_t equals = words[i].find('=');
      const std::string key = words[i].substr(0, equals);
      const std::string value = unescape(words[i].substr(equals + 1));
      if (key == "name") principal.name = value;
      if (key == "client") principal.client_id = value;
      if (key == "fingerprint") principal.certificate_fingerprint = value;
      if (key == "site") principal.attributes = {{"site", value}};
      if (key == "lifecycle") principal.standing.lifecycle = parse_lifecycle(value).value();
      if (key == "quarantine") principal.standing.quarantine = Quarantine::yes;
      if (key == "policies") principal.policies = split(value, ',');
    }
    principals_.insert_or_assign(words.at(0), std::make_shared<const Principal>(principal));
  }

  void ask(const std::string& line) {
    const std::size_t first = line.find("; ");
    const std::size_t second = line.find("; ", first + 2);
    const std::size_t arrow = line.rfind(" -> ");
    ASSERT_TRUE(first != std::string::npos && second != std::string::npos && arrow != std::string::npos)
        << line;
    const std::map<std::string, Action> actions = {{"connect", Action::connect},
                                                   {"publish", Action::publish},
                                                   {"subscribe", Action::subscribe},
                                                   {"receive", Action::receive}};
    std::string text = line.substr(second + 2, arrow - second - 2);
    while (text.ends_with(' ')) text.pop_back();
    const auto& principal = principals_.at(line.substr(0, first));
    const Decision decision =
        engine_.authorize(*principal, actions.at(line.substr(first + 2, second - first - 2)), unescape(text));
    EXPECT_EQ(decision.allowed() ? "allow" : "deny", line.substr(arrow + 4))
        << "line " << line_ << ": " << line << " (" << engine_.explain(decision, *principal) << ")";
    ++asked;
  }

  PolicyEngine engine_;
  std::map<std::string, PrincipalRef> principals_;
  int line_ = 0;
};

TEST(PolicyTest, EveryCaseOfTheTextFile) {
  Cases cases;
  cases.run(DUNLIN_SOURCE_DIR "/src/security/testdata/policy.test");
  EXPECT_GT(cases.asked, 150);
}

std::string refusal(std::string_view json) {
  const auto policy = Policy::parse(json);
  return policy ? "accepted" : policy.error().message;
}

std::string statement(const std::string& body) {
  return R"({"statements":[)" + body + "]}";
}

std::string with_resource(const std::string& resource) {
  return statement(R"({"effect":"allow","actions":["mqtt:publish"],"resources":[")" + resource + R"("]})");
}

TEST(PolicyTest, ErrorsNameThePlace) {
  EXPECT_THAT(refusal("{"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("object"));
  EXPECT_THAT(refusal("{}"), HasSubstr("statements: an array is needed"));
  EXPECT_THAT(refusal(R"({"statements":[],"x":1})"), HasSubstr("unknown member \"x\""));
  EXPECT_THAT(refusal(statement("7")), HasSubstr("statements[0]: an object is needed"));
  EXPECT_THAT(refusal(statement(R"({"effect":"Allow","actions":[],"resources":[]})")),
              HasSubstr("statements[0]: effect"));
  EXPECT_THAT(refusal(statement(R"({"effect":"allow","actions":[],"resources":["topic/a"]})")),
              HasSubstr("actions: at least one"));
  EXPECT_THAT(refusal(statement(R"({"effect":"allow","actions":["mqtt:fly"],"resources":["topic/a"]})")),
              HasSubstr("actions[0]"));
  EXPECT_THAT(refusal(statement(R"({"effect":"allow","actions":["mqtt:*"],"resources":[]})")),
              HasSubstr("resources: at least one"));
  EXPECT_THAT(refusal(statement(R"({"effect":"allow","actions":["mqtt:*"],"resources":["topic/a",3]})")),
              HasSubstr("statements[0]: resources[1]: a text is needed"));
  EXPECT_THAT(refusal(statement(R"({"effect":"allow","action":["mqtt:*"],"resources":["topic/a"]})")),
              HasSubstr("unknown member"));
  EXPECT_THAT(refusal(with_resource("a/b")), HasSubstr("must begin with topic/ or client/"));
  EXPECT_THAT(refusal(with_resource("topic/")), HasSubstr("resources[0]"));
  EXPECT_THAT(refusal(with_resource("topic/a/#/b")), HasSubstr("# must be the last level"));
  EXPECT_THAT(refusal(with_resource("topic/a#")), HasSubstr("alone"));
  EXPECT_THAT(refusal(with_resource("topic/a/+b")), HasSubstr("alone"));
  EXPECT_THAT(refusal(with_resource("topic/${thing.name}+")), HasSubstr("alone"));
  EXPECT_THAT(refusal(with_resource("topic/${thing")), HasSubstr("not closed"));
  EXPECT_THAT(refusal(with_resource("topic/${thing.secret}")), HasSubstr("unknown variable ${thing.secret}"));
  EXPECT_THAT(refusal(with_resource("topic/${thing.attribute.}")), HasSubstr("unknown variable"));
  EXPECT_THAT(refusal(with_resource("topic/a\\u0000b")), HasSubstr("not clean"));
  EXPECT_THAT(refusal(with_resource("topic/\\uffff")), HasSubstr("not clean"));
  EXPECT_THAT(refusal(with_resource("client/")), HasSubstr("empty"));
  EXPECT_THAT(refusal(with_resource("client/a*b")), HasSubstr("at the end"));
  EXPECT_EQ(refusal(with_resource("topic/a/+/${thing.attribute.a.b}/#")), "accepted");
}

TEST(PolicyTest, LimitsAreChecked) {
  const std::string one = R"({"effect":"allow","actions":["mqtt:publish"],"resources":["topic/a"]})";
  const auto repeat = [](const std::string& text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += (i == 0 ? "" : ",") + text;
    return out;
  };
  EXPECT_EQ(refusal(statement(repeat(one, kMaxStatements))), "accepted");
  EXPECT_EQ(Policy::parse(statement(repeat(one, kMaxStatements + 1))).error().code, Errc::limit_exceeded);
  const auto resources = [&](std::size_t count) {
    return statement(R"({"effect":"allow","actions":["mqtt:publish"],"resources":[)" +
                     repeat(R"("topic/a")", count) + "]}");
  };
  EXPECT_EQ(refusal(resources(kMaxResources)), "accepted");
  EXPECT_EQ(Policy::parse(resources(kMaxResources + 1)).error().code, Errc::limit_exceeded);
  EXPECT_EQ(refusal(with_resource("topic/" + std::string(kMaxResourceBytes - 6, 'a'))), "accepted");
  EXPECT_EQ(Policy::parse(with_resource("topic/" + std::string(kMaxResourceBytes - 5, 'a'))).error().code,
            Errc::limit_exceeded);
  EXPECT_EQ(refusal(with_resource("topic/" + std::string(kMaxTopicLevels - 1, '/'))), "accepted");
  EXPECT_EQ(Policy::parse(with_resource("topic/" + std::string(kMaxTopicLevels, '/'))).error().code,
            Errc::limit_exceeded);
  EXPECT_EQ(Policy::parse(std::string(kMaxPolicyBytes + 1, ' ')).error().code, Errc::limit_exceeded);
  EXPECT_FALSE(Policy::parse(std::string(10'000, '[')));
  for (const DefaultPolicy& policy : default_policies())
    EXPECT_EQ(refusal(policy.json), "accepted") << policy.name;
  for (const DefaultPolicy& bound : bounds()) {
    EXPECT_EQ(bound.json.empty() ? "accepted" : refusal(bound.json), "accepted") << bound.name;
  }
}

TEST(PolicyTest, LongTopicsAndManyPoliciesAreDenied) {
  PolicyEngine engine;
  engine.put("all", compile(with_resource("topic/#")));
  Principal principal;
  principal.policies = {"all"};
  EXPECT_TRUE(engine.authorize(principal, Action::publish, std::string(kMaxTopicBytes, 'a')).allowed());
  EXPECT_FALSE(engine.authorize(principal, Action::publish, std::string(kMaxTopicBytes + 1, 'a')).allowed());
  principal.policies = std::vector<std::string>(kMaxPoliciesPerPrincipal, "all");
  EXPECT_TRUE(engine.authorize(principal, Action::publish, "a").allowed());
  principal.policies = std::vector<std::string>(kMaxPoliciesPerPrincipal + 1, "all");
  EXPECT_EQ(engine.authorize(principal, Action::publish, "a").reason, Reason::too_many);
}

TEST(PolicyTest, ADecisionSaysWhichStatementDecided) {
  PolicyEngine engine;
  engine.put("p",
             compile(statement(R"({"effect":"allow","actions":["mqtt:publish"],"resources":["topic/a"]},)"
                               R"({"effect":"allow","actions":["mqtt:publish"],"resources":["topic/b/#"]},)"
                               R"({"effect":"deny","actions":["mqtt:publish"],"resources":["topic/b/c"]})")));
  engine.put("empty", compile(R"({"statements":[]})"));
  Principal principal;
  principal.policies = {"empty", "p"};
  const auto why = [&](std::string_view topic) {
    return engine.explain(engine.authorize(principal, Action::publish, topic), principal);
  };
  EXPECT_EQ(why("a"), "allowed by statement 0 of policy p");
  EXPECT_EQ(why("b/x"), "allowed by statement 1 of policy p");
  EXPECT_EQ(why("b/c"), "denied by statement 2 of policy p");
  EXPECT_EQ(why("c"), "no statement allows it");
  EXPECT_EQ(why("+"), "not a valid topic, filter or client id");
}

TEST(PolicyTest, AChangeReachesAConnectionThatIsOpen) {
  PolicyEngine engine;
  engine.put("p", compile(with_resource("topic/a")));
  auto principal = std::make_shared<Principal>();
  principal->policies = {"p"};
  EXPECT_TRUE(engine.authorize(*principal, Action::publish, "a").allowed());
  const std::uint64_t before = engine.epoch();
  engine.put("p", compile(with_resource("topic/b")));
  EXPECT_NE(engine.epoch(), before);
  EXPECT_FALSE(engine.authorize(*principal, Action::publish, "a").allowed());
  EXPECT_TRUE(engine.authorize(*principal, Action::publish, "b").allowed());
  engine.remove("p");
  EXPECT_FALSE(engine.authorize(*principal, Action::publish, "b").allowed());
  engine.replace({{"p", nullptr}});
  EXPECT_EQ(engine.authorize(*principal, Action::publish, "b").reason, Reason::broken_policy);
}

TEST(PolicyTest, AStandingBoundsWhatPoliciesAllowAndAddsNothing) {
  PolicyEngine engine;
  engine.put("p", compile(with_resource("topic/#")));
  Principal principal;
  principal.kind = PrincipalKind::device;
  principal.name = "press-01";
  principal.policies = {"p"};
  const auto why = [&](std::string_view topic) {
    return engine.explain(engine.authorize(principal, Action::publish, topic), principal);
  };
  principal.standing.lifecycle = Lifecycle::maintenance;
  EXPECT_EQ(why("a/b/c/press-01/t"), "allowed by statement 0 of policy p");
  EXPECT_EQ(why("a/b/c/press-02/t"), "the thing is in maintenance (policy lifecycle-maintenance)");
  EXPECT_EQ(why("$dunlin/things/press-01/x"), "no statement allows it") << "a bound allows nothing itself";
  principal.standing.quarantine = Quarantine::yes;
  EXPECT_EQ(why("a/b/c/press-01/t"), "the thing is in quarantine (policy quarantine)");
  principal.standing = {Lifecycle::decommission, Quarantine::no};
  EXPECT_EQ(why("a/b/c/press-01/t"), "the thing is decommissioned");
  // An operator's own document takes the built-in one's place; one that cannot be read denies everything.
  principal.standing = {Lifecycle::maintenance, Quarantine::no};
  engine.put("lifecycle-maintenance", compile(with_resource("topic/only/this")));
  EXPECT_EQ(why("only/this"), "allowed by statement 0 of policy p");
  EXPECT_EQ(why("a/b/c/press-01/t"), "the thing is in maintenance (policy lifecycle-maintenance)");
  engine.put("lifecycle-maintenance", nullptr);
  EXPECT_EQ(why("only/this"), "the thing is in maintenance (policy lifecycle-maintenance)");
  engine.remove("lifecycle-maintenance");
  EXPECT_EQ(why("a/b/c/press-01/t"), "allowed by statement 0 of policy p");
}

TEST(PolicyTest, AnUnusableVariableNarrowsNoDenial) {
  PolicyEngine engine;
  engine.put("p",
             compile(statement(
                 R"({"effect":"allow","actions":["mqtt:*"],"resources":["topic/#","client/*"]},)"
                 R"({"effect":"deny","actions":["mqtt:*"],"resources":["topic/x-${thing.attribute.a}/y",)"
                 R"("topic/$s${thing.attribute.a}","client/c-${thing.attribute.a}"]})")));
  Principal principal;
  principal.kind = PrincipalKind::device;
  principal.policies = {"p"};
  for (const std::string value : {"", "a/b", "+", "#", "$s"}) {
    principal.attributes = {{"a", value}};
    const auto allowed = [&](Action action, std::string_view text) {
      return engine.authorize(principal, action, text).allowed();
    };
    EXPECT_FALSE(allowed(Action::publish, "other/y")) << value;
    EXPECT_FALSE(allowed(Action::subscribe, "+/y")) << value;
    EXPECT_FALSE(allowed(Action::subscribe, "+")) << value;
    EXPECT_FALSE(allowed(Action::connect, "any")) << value;
    EXPECT_TRUE(allowed(Action::publish, "other/z")) << value;
  }
  principal.attributes = {{"a", "1"}};
  EXPECT_TRUE(engine.authorize(principal, Action::publish, "other/y").allowed());
  EXPECT_FALSE(engine.authorize(principal, Action::publish, "x-1/y").allowed());
  EXPECT_TRUE(engine.authorize(principal, Action::subscribe, "+").allowed());
  EXPECT_TRUE(engine.authorize(principal, Action::connect, "c-2").allowed());
  EXPECT_FALSE(engine.authorize(principal, Action::connect, "c-1").allowed());
}

TEST(PolicyTest, AnotherEngineOfTheSameThreadIsAnotherTable) {
  Principal principal;
  principal.policies = {"p"};
  for (int round = 0; round < 3; ++round) {
    PolicyEngine one;
    PolicyEngine other;
    one.put("p", compile(with_resource("topic/a")));
    other.put("p", compile(with_resource("topic/b")));
    EXPECT_TRUE(one.authorize(principal, Action::publish, "a").allowed());
    EXPECT_FALSE(other.authorize(principal, Action::publish, "a").allowed());
    EXPECT_FALSE(one.authorize(principal, Action::publish, "b").allowed());
  }
}

TEST(PolicyTest, ReadersAndAWriterAtTheSameTime) {
  PolicyEngine engine;
  engine.put("p", compile(with_resource("topic/a")));
  auto principal = std::make_shared<Principal>();
  principal->policies = {"p"};
  std::atomic<int> wrong{0};
  std::vector<std::jthread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        if (!engine.authorize(*principal, Action::publish, "a").allowed()) ++wrong;
        if (engine.authorize(*principal, Action::publish, "c").allowed()) ++wrong;
      }
    });
  }
  for (int i = 0; i < 500; ++i) engine.put("q" + std::to_string(i % 5), compile(with_resource("topic/c")));
  readers.clear();
  EXPECT_EQ(wrong, 0);
}

// --- a naive evaluator: lists topics and applies MQTT 5.0 section 4.7 to each, level by level.

using Levels = std::vector<std::string>;

Levels levels_of(const std::string& text) {
  Levels levels(1);
  for (const char c : text) {
    if (c == '/') {
      levels.emplace_back();
    } else {
      levels.back().push_back(c);
    }
  }
  return levels;
}

bool naive_tail(const Levels& filter, const Levels& topic, std::size_t f, std::size_t t) {
  if (f == filter.size()) return t == topic.size();
  if (filter[f] == "#") return true;
  if (t == topic.size()) return false;
  if (filter[f] != "+" && filter[f] != topic[t]) return false;
  return naive_tail(filter, topic, f + 1, t + 1);
}

bool naive_match(const std::string& filter, const std::string& topic) {
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  return naive_tail(levels_of(filter), levels_of(topic), 0, 0);
}

std::vector<std::string> all_topics() {
  const std::vector<std::string> words = {"a", "b", "z", "$s", ""};
  std::vector<std::string> topics;
  std::vector<std::string> ends = words;
  for (int depth = 1; depth <= 5; ++depth) {
    for (const std::string& topic : ends) {
      if (!topic.empty()) topics.push_back(topic);
    }
    std::vector<std::string> longer;
    if (depth == 5) break;
    for (const std::string& topic : ends) {
      for (const std::string& word : words) longer.push_back(topic + "/" + word);
    }
    ends = std::move(longer);
  }
  return topics;
}

std::string random_filter(Rng& rng) {
  const std::vector<std::string> words = {"a", "b", "$s", "", "+", "+"};
  const std::size_t depth = 1 + rng.below(3);
  std::string filter;
  for (std::size_t i = 0; i < depth; ++i) filter += (i == 0 ? "" : "/") + words[rng.below(words.size())];
  if (rng.below(3) == 0) filter = rng.below(4) == 0 ? "#" : filter + "/#";
  return filter.empty() ? "a" : filter;
}

struct RandomPolicy {
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  std::string json() const {
    std::string text = R"({"statements":[)";
    const auto add = [&](const std::string& effect, const std::string& pattern) {
      if (!text.ends_with('[')) text += ",";
      text += R"({"effect":")" + effect +
              R"(","actions":["mqtt:publish","mqtt:subscribe"],"resources":["topic/)" + pattern + R"("]})";
    };
    for (const std::string& pattern : allow) add("allow", pattern);
    for (const std::string& pattern : deny) add("deny", pattern);
    return text + "]}";
  }
};

TEST(PolicyProperty, AgreesWithANaiveEvaluatorOverEnumeratedTopics) {
  const std::vector<std::string> topics = all_topics();
  ASSERT_GT(topics.size(), 3000U);
  SeededRng rng(20261123);
  int allowed_filters = 0;
  int allowed_topics = 0;
  for (int round = 0; round < 300; ++round) {
    RandomPolicy random;
    for (std::size_t i = 0; i < 1 + rng.below(3); ++i) random.allow.push_back(random_filter(rng));
    for (std::size_t i = 0; i < rng.below(2); ++i) random.deny.push_back(random_filter(rng));
    PolicyEngine engine;
    engine.put("p", compile(random.json()));
    Principal principal;
    principal.policies = {"p"};
    const auto any = [](const std::vector<std::string>& patterns, const std::string& topic) {
      return std::ranges::any_of(patterns,
                                 [&](const std::string& pattern) { return naive_match(pattern, topic); });
    };
    for (std::size_t i = 0; i < 200; ++i) {
      const std::string& topic = topics[rng.below(topics.size())];
      const bool expected = any(random.allow, topic) && !any(random.deny, topic);
      ASSERT_EQ(engine.authorize(principal, Action::publish, topic).allowed(), expected)
          << random.json() << " " << topic;
      allowed_topics += expected;
    }
    for (int i = 0; i < 4; ++i) {
      const std::string filter = i == 0 ? random.allow.front() : random_filter(rng);
      std::vector<std::string> matched;
      std::ranges::copy_if(topics, std::back_inserter(matched),
                           [&](const auto& topic) { return naive_match(filter, topic); });
      const auto covered = [&](const std::string& pattern) {
        return std::ranges::all_of(matched,
                                   [&](const std::string& topic) { return naive_match(pattern, topic); });
      };
      const bool touched =
          std::ranges::any_of(matched, [&](const std::string& topic) { return any(random.deny, topic); });
      const bool expected = std::ranges::any_of(random.allow, covered) && !touched;
      ASSERT_EQ(engine.authorize(principal, Action::subscribe, filter).allowed(), expected)
          << random.json() << " " << filter;
      allowed_filters += expected;
    }
  }
  EXPECT_GT(allowed_filters, 200);
  EXPECT_GT(allowed_topics, 2000);
}

}  // namespace
}  // namespace dunlin::security
