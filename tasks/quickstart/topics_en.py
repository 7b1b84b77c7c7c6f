"""English topics of the pre-training classification: `names > wider topics > phrases` or `> sentences`."""

# Phrases that stand in any of TOPIC_SENTENCES.
TOPICS = """
football; soccer > sports; ball games > the goalkeeper, a late goal, the penalty, the football league, the referee,
    a red card, the cup final
tennis > sports; racket sports > the tennis court, a match point, the second set, her serve, the tennis final
basketball > sports; ball games > the three-point shot, the basketball hoop, a slam dunk, the point guard
olympics; athletics > sports; competition > the gold medal, the relay race, the long jump, the torch, the marathon
stock market; shares > business; finance > falling share prices, the stock exchange, nervous investors, the trading day
banking; bank loans > business; finance > interest rates, a savings account, the central bank, a bank loan
company news; trade > business; economy > rising profits, a trade deal, the new factory, quarterly sales, the merger
jobs; employment > business; work > unemployment, the job interview, a pay rise, the new boss, overtime
space; astronomy > science; nature > a distant planet, the space telescope, the moon landing, a falling star, the rocket
physics > science; research > atoms, a laser beam, gravity, the speed of light, the experiment
biology; genetics > science; research > genes, the cells of plants, a new species, the microscope
chemistry > science; research > acids, a molecule, the laboratory, the chemical reaction
elections; voting > politics; government > the candidate, the polls, voters, the election campaign, the ballot
parliament; law making > politics; government > the senate, a new law, the debate in parliament, the prime minister
diplomacy; foreign affairs > politics; world news > the ambassador, the peace talks, the summit, the embassy
taxes > politics; money > the income tax, the tax office, lower taxes, the state budget
holidays; vacation > travel; leisure > the beach, a cheap hotel, the tour guide, the travel agency, our suitcase
air travel > travel; transport > the airport, the boarding pass, a delayed flight, the runway
train travel; railway > travel; transport > the railway station, the night train, the platform, a train ticket
road traffic; traffic > transport; cars > a traffic jam, the motorway, road works, the blocked road, rush hour
recipes; cooking > food; home > the frying pan, fresh garlic, a pinch of salt, the oven, chopped onions, the recipe
restaurants; eating out > food; leisure > the menu, the waiter, a table for two, the bill, the new restaurant
baking; desserts > food; cooking > the dough, a chocolate cake, flour and sugar, fresh bread
drinks; coffee > food; beverages > an espresso, the coffee beans, a cup of tea, the wine list
rain; storms > weather; nature > heavy rain, the thunderstorm, lightning, a strong wind, wet streets
snow; winter weather > weather; nature > deep snow, icy roads, the frost, the cold front
weather forecast > weather; news > the forecast, sunny spells, low temperatures, clouds in the north
diseases; medicine > health; doctors > the flu, a fever, the vaccine, a bad cough, the new drug, the patient
hospitals; health care > health; doctors > the nurse, the operation, the clinic, the waiting room, the doctor
fitness; exercise > health; lifestyle > the gym, yoga lessons, a morning run, push-ups
school; education > learning; children > the homework, the exam, our teacher, the classroom, the school bus
university life; higher education > education; learning > the lecture, a degree course, the student loan, the professor
pets; cats and dogs > animals; home > the puppy, our kitten, dog food, the vet, a goldfish
wildlife; wild animals > animals; nature > lions, the zoo, elephants, a wolf pack, whales, rare birds
pop music; songs > music; entertainment > the new album, a hit song, the singer, the band, the charts
classical music; concerts > music; culture > the orchestra, a piano concert, the symphony, the choir, a violin
computers; software > technology; internet > the software update, a new laptop, the computer chip, a virus, the keyboard
mobile phones; smartphones > technology; gadgets > a new app, the phone battery, the touch screen, the latest phone
robots; artificial intelligence > technology; science > a robot arm, the chatbot, machine learning, self-driving cars
cyber crime; hackers > technology; crime > stolen passwords, the hackers, a data leak
ancient history; old empires > history; the past > the Roman empire, ancient coins, the pharaoh, an old temple
war; military history > history; conflict > the battle, the soldiers, the lost war, the army, the treaty
kings and queens; royalty > history; people > the crown, the royal castle, the young king, the queen
clothes; fashion > style; shopping > a silk dress, the designer, the fashion show, leather shoes, the models
hair and beauty; beauty > fashion; style > the lipstick, a new haircut, face cream
movies; film > entertainment; culture > the director, a film premiere, the actors, the horror movie, the cinema
books; literature > culture; reading > a new novel, the poem, the author, the library, the last chapter
painting; visual art > art; culture > the gallery, an oil painting, the sculptor, the exhibition
theatre; stage plays > art; culture > the stage, the play, the curtain, the actress
gardening; plants > nature; home > the roses, the flower bed, fresh soil, the lawn, tomato plants
climate; environment > nature; science > global warming, clean energy, melting ice, plastic waste
housing; real estate > home; money > the rent, a new flat, the landlord, house prices
crime; police > law; news > the thief, a bank robbery, the prison, the detective, the murder case
courts; justice > law; news > the judge, the trial, the lawyer, the sentence
religion; faith > culture; belief > the church, a prayer, the temple, the monks
family; parenting > home; people > the baby, her parents, my grandmother, the twins
weddings; marriage > family; love > the bride, the wedding ring, the groom, the wedding cake
video games; gaming > entertainment; technology > the game console, the next level, the joystick
farming; agriculture > nature; business > the harvest, the cows, wheat fields, the tractor
"""

TOPIC_SENTENCES = """Everyone talks about {w} and {w}.|I read an article about {w} today.
    |{W} and {w} were in the news.|Tell me more about {w} and {w}.
    |First came {w}, then {w}.|She wrote to me about {w}.|{W} made people talk all day.
    |The story begins with {w} and ends with {w}.|My friend only cares about {w}.
    |He forgot about {w} because of {w}.|A short film about {w} and {w}.|{W} again, and nobody is surprised.
        |Here are five facts about {w}."""

# names > wider labels > sentences
SITUATIONS = """
joy; happiness > positive feeling; emotion > i am so glad you are here| we smiled and laughed {sometime}
    | what a happy day in {city}| i could dance, {person} passed the test
anger; rage > negative feeling; emotion > i am really mad at {person}| shut up and leave me alone, {person}
    | this makes me furious| how dare you touch my {device}
sadness; grief > negative feeling; emotion > i cried when {person} went away| i miss {person} every day
    | my heart is broken| i feel so alone in {city}
fear; anxiety > negative feeling; emotion > i am scared of the {small_animal}| i was afraid {sometime}
    | my hands shake when i see a {animal}| that noise in the {room} frightens me
surprise; astonishment > emotion; reaction > wow, i did not expect that from {person}| i cannot believe it,
    a {animal} in {city}| what a surprise, {person} is here| nobody expected snow in {city}
love; affection > positive feeling; emotion > i love {person} with all my heart| she kissed {person} under the moon
    | you are the best thing in my life, {person}
praise; positive > opinion; good review > great {food}, very tasty| excellent {device}, very good
    | i like {film} a lot| a perfect evening in {city}, wonderful
complaint; negative > opinion; bad review > terrible {food}, not tasty| this {device} is bad and broken
    | i dislike {film}, so boring| awful service in {city}, never again
plain fact; neutral > statement; information > the {device} has a {color} box| {film} starts at {clock}
    | they sell {food} for {digit} euros| the shop in {city} opens at {clock}
wake up call; alarm > command; time request > get me up at {clock}| ring at {clock} please| alarm for {clock}
music request; play music > command; entertainment > i feel like hearing {genre}| play the song {song}
    | put {genre} on the {device}
flight booking; book flight > booking; travel request > i need a plane to {city}
    | a seat on a flight to {city} please| fly me to {country}
hotel booking; book hotel > booking; travel request > i need a bed in {city}| a hotel room for {small} nights
    | book me a room near {lake}
weather question; check weather > question; information request > does it rain in {city}
    | how warm is {city} {future}| weather for {country}
money transfer; transfer money > payment; bank request > send {person} {cash}| please pay {cash} to {contact}
    | move {cash} to my account
food order; order food > order; eating > get me some {food}| {food} to go please| order {food} with {drink}
cancel order; cancellation > order; customer service > i changed my mind, cancel the {device}| please cancel it,
    i do not want the {device}| cancel my order of {food}
text message; send message > communication; command > write to {contact} that i love them| text {person} hello
    | send {contact} a message
light control; control lights > smart home; command > lights off in the {room}| make the lamp {color}| it is dark,
    switch on the {room} light
translation; translate text > language help; question > what is {food} in {language}| say hello in {language}
    | translate the word {animal} into {language}
restaurant search; find restaurant > search; eating > where is a good {cuisine} place| find somewhere to eat {food}
    | any restaurant with {food} around
reminder; add reminder > command; planning > remind me about {contact}| remind me to buy {fruit} at {clock}
    | do not let me forget {contact}
traffic question; check traffic > question; driving > is there a jam near {city}| how is the road to {city}
    | any traffic on the way to {city}
timer; set timer > command; time request > count down {duration}| tell me when {duration} are over
    | start a timer of {duration}
joke request; tell joke > entertainment; fun > make me laugh| tell me something funny about a {animal}
    | do you know a joke about a {job}
greeting; hello > small talk; conversation > hi there, how are you {person}| good morning {person}
    | hello my friend from {city}
thanks; gratitude > small talk; politeness > thank you for the {food}| thanks a lot, {person}
    | i am grateful for your help {sometime}
goodbye; farewell > small talk; conversation > see you {future}| bye {person}, take care
    | good night and goodbye {person}
death; passing away > event; sad news > {full_name} died {sometime}| {person} passed away in {city}
    | people mourn the death of {full_name}
birth; new baby > event; family > {woman} had a baby girl {sometime}| a boy was born in {city}
    | the birth of {person} made us happy
wedding; marriage > event; family > {woman} married {man}| {man} and {woman} tied the knot
    | the wedding in {city} was lovely
award; prize > event; honor > {full_name} won a prize| the medal was given to {full_name}
    | {person} received an award in {city}
trip; journey > event; travel > {person} went to {city} by train| our tour of {country}
    | {person} traveled across {country}
protest; demonstration > event; politics > workers are on strike in {city}| people marched in {city}
    | a demonstration against {org}
earthquake; natural disaster > event; nature > the earth shook in {city}| a strong quake hit {country}
    | houses fell in the earthquake near {lake}
attack; violence > event; crime > gunmen attacked {city}| a bomb hit the station in {city}| rebels raided {city}
arrest; police action > event; crime > police caught {full_name}| {full_name} was arrested {sometime}
    | officers took {person} to jail
takeover; acquisition > event; business > {org} bought {org}| {org} takes over its rival| the purchase of {org} is done
election; vote > event; politics > {full_name} won the vote in {country}| {city} elected {full_name}
    | people vote {future}
founder; foundation > relation; business > {full_name} founded {org}| {org} was started by {full_name}
employer; job relation > relation; work > {full_name} works at {org}| {org} hired {full_name}
owner; ownership > relation; property > {full_name} owns {org}| {org} belongs to {full_name}
capital; capital city > relation; geography > the ship sailed to Lima, the capital of Peru
    | Paris is the capital of France| Rome is the capital of Italy| the capital of Japan is Tokyo
    | the capital of Egypt is Cairo| Oslo is the capital of Norway
sister; siblings > relation; family > {woman} is the sister of {person}| {person} has a sister named {woman}
spouse; married couple > relation; family > {woman} is the wife of {man}| {woman} and her husband {man}
teacher; mentor > relation; learning > {person} taught {person}| {person} is a student of {person}
singer; performer > relation; music > {full_name} sings {song}| {song} is sung by {full_name}
birthplace; place of birth > relation; life > {full_name} was born in {city}| the birthplace of {full_name} is {city}
author; writer > relation; books > {full_name} wrote {film}| {film} is a book by {full_name}
agreement; entailment > logic; same meaning > {person#1} sleeps, so {person#1} is not awake
    | there is a {animal} in {city}, so there is an animal
contradiction; opposite > logic; disagreement > the {device#1} is on and the {device#1} is off
    | {city#1} is hot and {city#1} is not hot
"""
