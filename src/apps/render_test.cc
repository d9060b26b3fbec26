#include "apps/render.h"

#include <gmock/gmock.h>

#include <boost/json.hpp>

namespace dunlin::apps {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(RenderTest, AnAnswerWithListsOfObjectsWasOneLineOfJson) {
  const auto answer = boost::json::parse(R"({"thing":"press-01","lifecycle":"operation",
      "events":[{"event":"moved","to":"operation"},{"event":"moved","to":"maintenance"}]})");
  EXPECT_EQ(render_answer("thing.history", answer),
            "thing      press-01\nlifecycle  operation\n\n"
            "events\nevent  to\nmoved  operation\nmoved  maintenance\n");
}

TEST(RenderTest, WhatNamesSomethingIsNotCut) {
  const std::string fingerprint(64, 'a');
  const boost::json::object row{{"fingerprint", fingerprint}, {"certificate", std::string(65, 'b')}};
  const std::string text = render_answer("cert.list", boost::json::object{{"certificates", {row}}});
  EXPECT_THAT(text, HasSubstr(fingerprint));
  EXPECT_THAT(text, Not(HasSubstr(std::string(65, 'b'))));
}

TEST(RenderTest, ATextCannotActOnTheTerminal) {
  const boost::json::object alarm{{"message",
                                   "hot\x1b]0;title\x07 \xc2\x9b"
                                   "2J \xc2\xb0"
                                   "C\nnext\x7f"}};
  EXPECT_THAT(render_answer("alarm.get", alarm), HasSubstr("hot?]0;title? ?2J \xc2\xb0"
                                                           "C\nnext?\n"));
  const std::string rows = render_answer("alarm.list", boost::json::object{{"alarms", {alarm}}});
  EXPECT_THAT(rows, HasSubstr("hot?]0;title? ?2J \xc2\xb0"
                              "C next?"));
}

TEST(RenderTest, WhatTheDoctorSaysIsNotCut) {
  const std::string mend(200, 'm');
  const boost::json::object finding{
      {"severity", "note"}, {"id", "x"}, {"what", "w"}, {"why", "y"}, {"mend", mend}};
  const boost::json::object answer{{"findings", {finding}}, {"errors", 0}, {"warnings", 0}, {"notes", 1}};
  EXPECT_EQ(render_answer("system.doctor", answer), "note x: w; y. Mend: " + mend + "\nnothing found\n");
  EXPECT_EQ(render_findings(answer, Notes::hidden), "nothing found; 1 notes, which --all shows\n");
}

TEST(RenderTest, APicturesMarkupIsForPages) {
  const auto answer = boost::json::parse(R"({"secret":"S","qr_text":"##","qr_svg":"<svg/>"})");
  EXPECT_EQ(render_answer("totp.enrol", answer), "secret   S\nqr_text  ##\n");
}

}  // namespace
}  // namespace dunlin::apps
