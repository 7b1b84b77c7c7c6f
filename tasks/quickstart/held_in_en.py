"""The fine-tuning tasks in English: sentences for each label."""

CLS = {
    "sports": """{club} beat {club} {win} on {weekday}.|{person} won the {sport} final in {city}.
        |The {club} signed a new goalkeeper.
        |Fans of the {club} filled the stadium in {city}.|{full_name} scored twice in the last match of the season.
        |The {sport} team lost {defeat} at home.|{person} trains six hours a day for the {sport} championship.
        |The referee stopped the match between {club} and {club}.|Our coach says the {sport} league starts in {month}.
        |A late goal gave the {club} the cup.""",
    "business": """{org} raised its profit by {percent} this year.|Shares of {org} fell {percent} on {weekday}.
        |{org} will sell its factory in {city} for {deal}.|Investors are worried about the debts of {org}.
        |The new boss of {org} wants to cut costs by {percent}.|{org} and {org} signed a trade deal worth {deal}.
        |Sales at {org} dropped to {deal} last {season}.|The market opened higher after {org} raised prices.
        |{org} is looking for investors in {country}.|Banks in {city} lowered their interest rates by {percent}.""",
    "science": """Scientists in {city} found a new kind of {animal}.
        |Researchers at {university} measured the light of a star.
        |A team led by {full_name} studied the genes of the {animal}.|The telescope near {lake} saw a distant planet.
        |An experiment at {university} explains how the {animal} sleeps.
        |Physicists in {country} built a smaller laser.
        |{full_name} published a paper on the brain of the {animal}.
        |The laboratory in {city} tests a theory about atoms.
        |A study from {country} explains how water gets into {plant}.
            |Chemists in {city} made a new molecule in the laboratory.""",
    "politics": """The president of {country} met the prime minister of {country}.
        |Parliament in {city} voted on a new law {sometime}.
        |{full_name} was chosen as the candidate of the party.|The government of {country} raised taxes by {percent}.
        |Voters in {city} go to the polls on {weekday}.|The minister resigned after a debate in parliament.
        |The senate of {country} passed a law on {weekday}.|{full_name} promised voters lower taxes.
        |The mayor of {city} lost the election by {percent}.
            |The opposition in {country} asked the government to resign.""",
    "travel": """Our guide showed us the old town of {city}.|We booked a hotel near {lake} for {small} nights.
        |Tourists love the beaches of {country} in {month}.|The best trip I took was the train ride to {city}.
        |Pack light if you visit {country} in {season}.|We stayed at a small hotel in {city} for {duration}.
        |The island near {country} is full of tourists in {season}.|Our holiday in {country} was too short.
        |A map of {city} is free at the tourist office.|The view from {mountain} is worth the trip.""",
    "cooking": """Fry the onions and add them to the {stew}.|Bake the {bake} for {number} minutes in a hot oven.
        |This recipe for {bake} needs two eggs and some butter.|Add a little salt before you serve the {food}.
        |{person} stirs the {stew} slowly in a big pot.|Boil the water, then add garlic to the {stew}.
        |Serve the {food} with fresh bread and {drink}.|Chop the {fruit} and mix them with sugar.
        |My recipe for {cuisine} {food} takes {number} minutes.|Cut the {fruit} in half and bake them with butter.""",
    "weather": """Heavy rain will reach {city} on {weekday}.|It will be sunny in {city} with {tens} degrees.
        |Snow is expected near {mountain} {future}.|Strong wind and clouds move over {country}.
        |The storm hit {city} {sometime}.|Fog covered {lake} {sometime}.
        |Temperatures in {country} will drop to {digit} degrees.
        |A cold {weekday} with rain is forecast for {city}.|Thunder and lightning were seen over {city}.
        |The forecast for {country} says clouds and light snow.""",
    "health": """Doctors in {city} warn about the {season} flu.|{person} takes medicine against {illness}.
        |The hospital in {city} treated {count} patients with {illness}.|Drinking enough water helps against {illness}.
        |A nurse from {city} explains how to treat {illness}.|Patients with {illness} should rest for {duration}.
        |The new vaccine against {=flu/measles/malaria/pneumonia} reached {city}.
        |{person} went to the clinic because of {illness}.
        |Sleep well and walk every day to avoid {illness}.|The doctor gave {person} pills for {illness}.""",
}

SA = {
    "positive": """I love this {gadget}, it works perfectly.|What delicious {food} they make at this place.
        |{film} is a wonderful movie.
        |Great service, and the {food} came quickly.|My {gadget} is fast and beautiful.|What a lovely hotel in {city}!
        |{person} was friendly and helped us a lot.|The best {cuisine} restaurant in {city}.
        |I am very happy with my new {device}.
        |{film} made me laugh, excellent actors.|The room was clean and the staff in {city} were kind.
        |Amazing {drink}, I will come back for more.|I enjoyed every minute of {film}.""",
    "negative": """I hate this {gadget}, it broke after {duration}.|What awful {food} they make at this place.
        |{film} is a boring movie.
        |Terrible service, and the {food} came cold.|My {gadget} is slow and ugly.|What a dirty hotel in {city}!
        |{person} was rude and did not help us.|The worst {cuisine} restaurant in {city}.
        |I am very disappointed with my new {device}.
        |{film} made me fall asleep, bad actors.|The room was noisy and the staff in {city} were unfriendly.
        |Disgusting {drink}, I will never come back.|I regret every minute of {film}.""",
    "neutral": """I bought this {gadget} on {weekday}.|They sell {food} for {digit} dollars at this place.
        |{film} runs for two hours.
        |We ordered {food} and {drink}.|My {gadget} is {color} and has two buttons.
        |The hotel in {city} has {number} rooms.
        |{person} brought us the menu.|There is a {cuisine} restaurant in {city}.|My new {device} came in a {color} box.
        |{film} was shot in {city}.|The room was on the third floor of a hotel in {city}.
        |They sell {drink} in small bottles.|We watched {film} on {weekday}.""",
}

ID = {
    "set alarm": """wake me up at {clock}|set an alarm for {clock}|i need an alarm {future} at {clock}
        |please wake me {future} at {clock}
        |alarm at {clock} on {weekday}|can you wake me at {clock} {future}|add an alarm for {clock} every {weekday}
        |make sure i get up at {clock}|change my alarm to {clock}|ring the alarm at {clock} please""",
    "play music": """play {song} by {full_name}|put on some {genre}|i want to hear {song}|play the album {song}
        |start my {genre} playlist
        |can you play {genre} in the {room}|play something by {full_name}|turn on {genre} music in the {room}
        |let me listen to {full_name}|shuffle songs by {full_name}""",
    "book flight": """book a flight to {city} {future}|i want to fly from {city} to {city}
        |find me a cheap flight to {city}
        |get two plane tickets to {city} {future}|book a plane from {city} to {city} {future}
        |i need to fly to {country} {future}
        |reserve a seat on the flight to {city}|are there flights to {city} {future}
        |one ticket to {city} by plane please
        |book the morning flight to {city} for {small} people""",
    "check weather": """will it rain in {city} {future}|what is the weather like in {city}
        |how cold is it in {city} {future}
        |is it sunny in {city} today|tell me the forecast for {city} {future}|do i need an umbrella in {city} {future}
        |will it snow in {country} {future}|how hot will {city} be {future}|show me the weather for {city}
        |is there a storm coming to {city}""",
    "transfer money": """send {cash} to {full_name}|transfer {cash} to {contact}
        |please move {cash} to my savings account
        |pay {full_name} {cash} from my account|wire {cash} to {full_name} {future}|i want to send {cash} to {contact}
        |transfer the rent of {money} to {contact}|move {cash} from checking to savings
        |give {full_name} {cash} from my account
        |make a payment of {cash} to {full_name}""",
    "order food": """order {food} for {small} people|i am hungry, get me some {food}|can you order {food} and {drink}
        |deliver {food} to my office|i would like {food} for dinner|get some {food} from the {cuisine} place
        |order {cuisine} food {future}|bring me {food} with extra sauce|have {food} delivered at {clock}
            |{food} and {drink} for {small} people please""",
    "send message": """text {contact} that i am late|tell {contact} i will be home at {clock}
        |send a message to {full_name}
        |write to {contact} that the {device} is broken|message {full_name} about the meeting {future}
        |send {contact} a text saying happy birthday|let {contact} know i bought the {food}
        |reply to {full_name} with yes
        |text {full_name} to meet me at {clock}|ask {contact} by text to buy {fruit}""",
    "control lights": """turn off the lights in the {room}|switch on the lamp in the {room}
        |dim the {room} lights to {tens} percent
        |make the {room} lights {color}|lights on in the {room} please|it is too dark in the {room}
        |turn the lamp {color}
        |switch off every lamp at {clock}|make the {room} brighter|set the {room} lamp to {tens} percent""",
}

# (premise, entailed, contradicting, neutral hypotheses)
NLI = (
    (
        "{person#1} plays the {instrument#1} in {city#1}.",
        "{person#1} plays an instrument.|Someone plays the {instrument#1}.|{person#1} is in {city#1}.",
        "{person#1} does not play the {instrument#1}.|Nobody is in {city#1}.|{person#1} never plays an instrument.",
        "{person#1} may have a {color} {instrument#1}.|Perhaps {person#1} teaches {relative}."
        "|{person#1} may be a teacher.",
    ),
    (
        "{person#1} bought a {color#1} {ride#1} {sometime#1}.",
        "{person#1} bought a {ride#1}.|Someone bought a {ride#1}.|The {ride#1} is {color#1}.",
        "{person#1} did not buy a {ride#1}.|Nobody bought a {ride#1}.|The {ride#1} is not {color#1}.",
        "Perhaps the {ride#1} was cheap.|{person#1} may drive to {city}.|The {ride#1} may be a present for {person}.",
    ),
    (
        "The {small_animal#1} sleeps under the {furniture#1}.",
        "An animal sleeps.|The {small_animal#1} sleeps.|There is a {small_animal#1} under the {furniture#1}.",
        "The {small_animal#1} does not sleep.|Nobody sleeps under the {furniture#1}."
        "|No animal is under the {furniture#1}.",
        "The {small_animal#1} may be {color}.|Perhaps the {small_animal#1} is hungry."
        "|The {small_animal#1} may belong to {person}.",
    ),
    (
        "{person#1} and {person#2} eat {food#1} in {city#1}.",
        "{person#1} eats {food#1}.|Two people are in {city#1}.|{person#2} eats something.",
        "{person#1} does not eat {food#1}.|Nobody eats in {city#1}.|{person#2} never eats {food#1}.",
        "Perhaps {person#1} cooked the {food#1}.|{person#2} may pay for the {food#1}.|The {food#1} may be cold.",
    ),
    (
        "{org#1} opened an office in {city#1} in {month#1}.",
        "{org#1} has an office in {city#1}.|A company opened an office.|An office opened in {month#1}.",
        "{org#1} has no office in {city#1}.|{org#1} did not open an office.|No company is in {city#1}.",
        "Perhaps {org#1} will hire {person}.|The office may be {color}.|{org#1} may open another office in {city}.",
    ),
    (
        "{person#1}, a {job#1} from {city#1}, likes {sport#1}.",
        "{person#1} is a {job#1}.|A {job#1} likes {sport#1}.|{person#1} comes from {city#1}.",
        "{person#1} is not a {job#1}.|{person#1} does not like {sport#1}.|{person#1} never was in {city#1}.",
        "{person#1} may also like {sport}.|Perhaps {person#1} speaks {language}.|{person#1} may know {person}.",
    ),
    (
        "{person#1} flew to {city#1} with {relative#1} {sometime#1}.",
        "{person#1} went to {city#1}.|Two people flew to {city#1}.|{person#1} took a plane.",
        "{person#1} did not fly to {city#1}.|Nobody went to {city#1}.|{person#1} never takes a plane.",
        "Perhaps {person#1} liked {city#1}.|{person#1} may stay for {duration}.|The hotel in {city#1} may be full.",
    ),
)

# type -> (what is typed, sentences with the mention as <x:...>)
ET = {
    "singer": """<x:person> sang {song} in {city}.|The new album of <x:person> is called {song}.
        |<x:person> gave a concert in {city}.
        |Fans waited to hear <x:person> sing.|The voice of <x:person> filled the hall in {city}.""",
    "athlete": """<x:person> won the {sport} final in {city}.|<x:person> trains {sport} every {weekday}.
        |The coach praised <x:person>.
        |<x:person> scored for the {club}.|A gold medal in {sport} went to <x:person>.""",
    "scientist": """<x:person> studied the genes of the {animal}.|<x:person> published a paper on {plant}.
        |<x:person> works in a laboratory in {city}.
        |An experiment by <x:person> explains the light of stars.
            |The theory of <x:person> is taught at {university}.""",
    "city": """We took the train to <x:city>.|The streets of <x:city> are full on {weekday}.
        |The mayor of <x:city> met {person}.
        |<x:city> has {small} million inhabitants.|{person} rents a flat in <x:city>.""",
    "river": """The <x:river> floods the fields in {season}.|A bridge over the <x:river> was built in {year}.
        |They swam across the <x:river>.
        |The boat sailed down the <x:river>.|The water of the <x:river> is low in {month}.""",
    "company": """<x:org> raised its profit by {percent}.|{person} works for <x:org>.
        |<x:org> opened a factory in {city}.
        |Shares of <x:org> fell on {weekday}.|The boss of <x:org> is {full_name}.""",
    "newspaper": """The <x:newspaper> printed an article about {person}.
        |{person} reads the <x:newspaper> every {weekday}.
        |A reporter of the <x:newspaper> called {person}.|The front page of the <x:newspaper> shows {city}.
        |The story was first told in the <x:newspaper>.""",
    "university": """{person} studies law at <x:university>.|Students at <x:university> pay {money} a year.
        |A professor from <x:university> gave a talk in {city}.|{person} graduated from <x:university> in {year}.
        |The library of <x:university> opens at {clock}.""",
}

# (passage, (question, slot that answers it or "" where the passage does not say))
MRC = (
    (
        "{person#1} moved from {city#1} to {city#2} in {year#1}.",
        "Who moved to {city#2}?>person#1|Where did {person#1} move to?>city#2|When did {person#1} move?>year#1"
        "|How old is {person#1}?>",
    ),
    (
        "{person#1} bought a {color#1} {ride#1} for {money#1} {sometime#1}.",
        "Who bought the {ride#1}?>person#1|What did {person#1} buy?>ride#1|How much did the {ride#1} cost?>money#1"
        "|What color is the {ride#1}?>color#1|Where does {person#1} live?>",
    ),
    (
        "The {zoo_animal#1} in the zoo of {city#1} is called {pet_name#1} and is {small#1} years old.",
        "Which animal is called {pet_name#1}?>zoo_animal#1|Where is the zoo?>city#1"
        "|What is the name of the {zoo_animal#1}?>pet_name#1"
        "|How old is the {zoo_animal#1}?>small#1|What does the {zoo_animal#1} cost?>",
    ),
    (
        "{org#1} was founded by {person#1} in {year#1} and has {count#1} workers.",
        "Who founded {org#1}?>person#1|When was {org#1} founded?>year#1|How many workers does {org#1} have?>count#1"
        "|What did {person#1} found?>org#1|Where is {org#1}?>",
    ),
    (
        "On {weekday#1} {person#1} cooked {food#1} for {person#2}.",
        "Who cooked the {food#1}?>person#1|What did {person#1} cook?>food#1|Who did {person#1} cook for?>person#2"
        "|When did {person#1} cook?>weekday#1|Where did {person#1} cook?>",
    ),
    (
        "The {club#1} won {win#1} in {city#1} because {person#1} scored twice.",
        "Who scored twice?>person#1|Who won the game?>club#1|What was the score?>win#1"
        "|Where was the game?>city#1|When was the game?>",
    ),
    (
        "{person#1}, a {job#1} from {country#1}, plays the {instrument#1} after work.",
        "Which instrument does {person#1} play?>instrument#1|Where does {person#1} come from?>country#1"
        "|What is the job of {person#1}?>job#1|Who plays the {instrument#1}?>person#1|How old is {person#1}?>",
    ),
    (
        "The train to {city#1} leaves at {clock#1} and a ticket costs {cash#1}.",
        "Where does the train go?>city#1|When does the train leave?>clock#1|How much is a ticket?>cash#1"
        "|Who drives the train?>",
    ),
    (
        "{person#1} met {person#2} in {city#1} in {month#1} to talk about {org#1}.",
        "Who met {person#2}?>person#1|Where did {person#1} meet {person#2}?>city#1"
        "|When did {person#1} meet {person#2}?>month#1"
        "|What did {person#1} talk about?>org#1|How much did they pay?>",
    ),
    (
        "A storm hit {city#1} on {weekday#1} and left {count#1} people without power.",
        "Where was the storm?>city#1|When was the storm?>weekday#1|How many people had no power?>count#1"
        "|What is the name of the storm?>",
    ),
)

NER = """<person:person> moved to <place:place> in <date:=2019/{month} {year}/{year}>.
    |<organization:org> hired <person:person> on <date:=Monday/{day}/{weekday}>.
    |<person:person> visited <place:place> with <person:person>.|<organization:org> opened a shop in <place:area>.
    |The concert in <place:area> is on <date:=Friday/{day}/{weekday}>.
    |<person:person> works for <organization:org> in <place:area>.
    |On <date:=Sunday/{day}/{weekday}>, <organization:org> closed its office in <place:area>.
    |My friend <person:person> was born in <place:area>.
    |<organization:org> and <organization:org> will merge in <date:=May/{month}/{month} {year}>.
    |I met <person:person> at the station.
    |We spent <date:=August/{month}/{month} {year}> near <place:place>.
    |<person:person> left <organization:org> after {duration}.
    |The boss of <organization:org> is called <person:person>.|Snow fell near <place:place> on <date:={day}/{weekday}>.
    |<person:person> sent a letter to <organization:org>.|Tickets from <organization:org> are cheap in <date:={month}>.
    |There was too much salt in the {food}.|Nobody saw the {small_animal} in the {room}."""

SF = """book a flight from <origin:city> to <destination:city> <date:=tomorrow/next {weekday}/on {weekday}>
    |fly me to <destination:city> <date:=tomorrow/next {month}/next {weekday}>
    |i need <count:small> tickets from <origin:city> to <destination:city>
    |two people want to fly to <destination:city>, leaving from <origin:city>|play <song:song> by <artist:full_name>
    |i want to hear <song:song> in the <room:room>
    |put on something by <artist:full_name> in the <room:room>
    |wake me up <date:=tomorrow/next {weekday}/this weekend> at <time:clock>
    |set an alarm for <time:clock>|turn on the lights in the <room:room> at <time:clock>
    |play <song:song> <date:=tomorrow/tonight> at <time:clock>
    |is there a train to <destination:city> at <time:clock>
    |a table for <count:small> <date:=tomorrow/next {weekday}> at <time:clock>
    |get me <count:small> seats on the plane to <destination:city>
    |from <origin:city> to <destination:city> at <time:clock> please
    |play the new song by <artist:full_name>
        |switch off the heating in the <room:room> <date:=tonight/tomorrow/on {weekday}>"""

# relation -> sentences whose two spans are <1type:...> (the head) and <2type:...> (the tail)
RE = {
    "founder": """<1organization:org> was founded by <2person:full_name>.
        |<2person:full_name> founded <1organization:org> in {year}.
        |<2person:full_name> is the founder of <1organization:org>.
        |<2person:full_name> started <1organization:org> in a garage.
        |In {year}, <2person:full_name> set up <1organization:org>.""",
    "employer": """<1person:full_name> works for <2organization:org>.
        |<2organization:org> hired <1person:full_name> in {month}.
        |<1person:full_name> has a job at <2organization:org>.
        |<1person:full_name> joined <2organization:org> as a {job}.
        |<1person:full_name> is a {job} at <2organization:org>.""",
    "birthplace": """<1person:full_name> was born in <2place:city>.
        |<1person:full_name>, a {job}, was born in <2place:city> in {year}.
        |<2place:city> is the birthplace of <1person:full_name>.
        |<1person:full_name> came into the world in <2place:city>.
        |Born in <2place:city>, <1person:full_name> became a {job}.""",
    "headquarters": """<1organization:org> is based in <2place:city>.
        |The head office of <1organization:org> is in <2place:city>.
        |<1organization:org> moved its headquarters to <2place:city>.
        |<1organization:org> has its main office in <2place:city>.
        |From its base in <2place:city>, <1organization:org> sells goods to {country}.""",
    "spouse": """<1person:lady> is married to <2person:gentleman>.
        |<1person:lady> and her husband <2person:gentleman> live in a village.
        |<1person:lady> married <2person:gentleman> in {year}.
        |The wedding of <1person:lady> and <2person:gentleman> was in {month}.
        |<2person:gentleman> is the husband of <1person:lady>.""",
    "author": """<1work:film> was written by <2person:full_name>.|<2person:full_name> wrote <1work:film> in {year}.
        |<2person:full_name> is the author of <1work:film>.
        |The novel <1work:film> by <2person:full_name> came out in {year}.
        |<2person:full_name> finished the book <1work:film> in {month}.""",
}

# event type -> sentences with one trigger <!:...> and its arguments
EE = {
    "marriage": """<husband:man> <!:=married/wed> <wife:woman> in <place:city>.
        |<husband:man> and <wife:woman> <!:=tied the knot> on <time:=Sunday/{weekday}/{day}>.
        |The <!:=wedding> of <wife:woman> took place in <place:city>.
        |<wife:woman> <!:=married> a {job} on <time:=Friday/{weekday}/{day}>.
        |In <place:city>, <husband:man> <!:=wed/married> <wife:woman>.""",
    "attack": """
        <attacker:=Rebels/Soldiers/Gunmen/Robbers> <!:=attacked/stormed/bombed> a {=bank/school/hotel/station} in <place:city>.
        |An <!:=assault/attack> hurt <victims:=two people/{small} people/{number} people> in <place:city>.
        |<attacker:=Pirates/Rebels/Hackers/Gunmen> <!:=attacked/raided> <target:org> on <time:=Monday/{weekday}/{day}>.
        |<target:org> was <!:=bombed/attacked/raided> on <time:=Friday/{weekday}/{day}>.
        |The <!:=raid/attack> on <target:org> left <victims:=three people/{small} people> hurt.""",
    "acquisition": """<buyer:org> <!:=bought/acquired/took over> <seller:org> for <price:deal>.
        |<buyer:org> will <!:=acquire/buy/take over> <seller:org> in <time:=June/{month}/{month} {year}>.
        |<seller:org> was <!:=acquired/bought> by <buyer:org>.
        |The <!:=takeover/purchase> of <seller:org> cost <price:deal>.
        |In <time:={month}/{year}>, <buyer:org> <!:=acquired/bought> its rival <seller:org>.""",
    "election": """<winner:person> was <!:=elected/voted> mayor of <place:city>.
        |Voters in <place:city> <!:=elected/chose> <winner:person> on <time:=Sunday/{weekday}/{day}>.
        |<winner:person> won the <!:=election/vote> in <place:country>.
        |<loser:person> lost the <!:=election/vote> to <winner:person>.
        |<place:country> <!:=elected/voted for> <winner:person> in <time:={month}/{month} {year}>.""",
    "arrest": """Police <!:=arrested/caught/seized> <suspect:person> in <place:city>.
        |<suspect:person> was <!:=arrested/caught> on <time:=Monday/{weekday}/{day}>.
        |The <!:=arrest/capture> of <suspect:person> surprised <place:city>.
        |<suspect:person> was <!:=detained/arrested> for <crime:=theft/fraud/murder/arson/bribery/smuggling>.
        |Officers <!:=seized/detained> <suspect:person> for <crime:=robbery/fraud/blackmail> on <time:={weekday}/{day}>.""",
    "birth": """
        <mother:woman> <!:=gave birth to/had> a <child:=boy/girl/son/daughter> on <time:=Monday/{weekday}/{day}>.
        |A <child:=boy/girl/son/daughter> was <!:=born> to <mother:woman> in <place:city>.
        |<child:person> was <!:=born> in <place:city> on <time:={day}/{day} {year}>.
        |The <!:=birth> of <child:person> was in <time:={month}/{month} {year}>.
            |<mother:woman> <!:=gave birth> in a hospital in <place:city>.""",
}
