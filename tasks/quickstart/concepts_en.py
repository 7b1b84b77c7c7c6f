"""English concepts of the pre-training tasks: fine types, each with names, wider types, and members.

One concept a line: `names > wider types > members > what members do`. A group shares its sentences;
in them `<x>` is the member, `{role}` the name that serves as its label and `{cue}` what it does.
"""

PEOPLE = """
jazz singer; jazz vocalist > singer; musician > {full_name} > sings jazz in small clubs| recorded a jazz album
opera singer; soprano > singer; artist > {full_name} > sang the main part in the opera| has a strong opera voice
pop star; pop singer > singer; celebrity > {full_name} > topped the pop charts| danced on stage and sang a hit
rapper; hip hop artist > musician > {full_name} > raps about life on the street| released a rap song
pianist; piano player > musician > {full_name} > plays the piano every night| gave a piano concert
violinist; violin player > musician > {full_name} > plays the violin in an orchestra| owns an old violin
drummer > musician; band member > {full_name} > beats the drums in a rock band| broke a drum on stage
guitarist; guitar player > musician > {full_name} > plays the electric guitar| wrote a song on the guitar
composer > musician; artist > {full_name} > composed a symphony| writes music for films
tennis player; tennis star > athlete; sportsperson > {full_name} > won the match in three sets
    | hits the ball over the net
football player; striker; footballer > athlete; player > {full_name} > scored a goal in the cup| missed a penalty
basketball player > athlete; player > {full_name} > scored thirty points| threw the ball into the basket
swimmer > athlete > {full_name} > swam a hundred meters in a minute| trains in the pool at dawn
runner; marathon runner > athlete > {full_name} > ran the marathon in three hours| crossed the finish line first
chess master; chess player > player > {full_name} > lost a game of chess| moved the queen across the board
boxer > athlete; fighter > {full_name} > knocked out the rival| trains in the boxing ring
coach; trainer > sports person > {full_name} > trains the young team| told the players to run faster
physicist > scientist; researcher > {full_name} > measured the speed of light| studies atoms
chemist > scientist; researcher > {full_name} > mixed two acids in the lab| found a new molecule
biologist > scientist; researcher > {full_name} > studies cells under a microscope| writes about the life of bees
astronomer > scientist; researcher > {full_name} > watches the stars at night| discovered a small planet
professor; scholar > teacher; academic > {full_name} > lectures at a university| grades the papers of the students
school teacher > teacher; educator > {full_name} > teaches children to read| wrote the homework on the board
doctor; physician > medical worker; profession > {full_name} > looked at my throat| treats patients with fever
surgeon > doctor; medical worker > {full_name} > operated on a heart| works in the operating room
nurse > medical worker; profession > {full_name} > gave the patient an injection| works nights in the hospital
novelist; fiction writer > writer; author > {full_name} > wrote a novel about the war| finished the last chapter
poet > writer; author > {full_name} > wrote a poem about rain| reads verses aloud
journalist; reporter > writer; media worker > {full_name} > interviewed the minister| writes for the morning paper
film director; movie director > artist; filmmaker > {full_name} > directed a film about love| shouted at the camera crew
actor; film actor > artist; celebrity > {full_name} > played the hero in a film| learned the lines of the play
painter > artist > {full_name} > painted a blue landscape| mixed the oil colors
president; head of state > politician; leader > {full_name} > spoke to the nation| signed the new law as head of state
mayor; city leader > politician; leader > {full_name} > runs the town hall| promised the town new buses
minister > politician; official > {full_name} > presented the budget in parliament| left the cabinet
king; monarch > ruler; leader > {first} the Great > wore the crown| ruled the kingdom for decades
general; army officer > soldier; leader > {full_name} > led the army into battle| gave orders to the troops
founder; entrepreneur; business founder > business person > {full_name} > started a small firm in a garage
    | sold her start-up
manager; boss; chief executive > business person; leader > {full_name} > runs the company| fired half of the staff
banker > business person; profession > {full_name} > lends money to firms| works at the bank counter
thief; criminal > suspect > {full_name} > stole a gold ring| robbed a shop at night
judge > lawyer; legal worker > {full_name} > sent the thief to prison| opened the trial
chef; cook > profession; worker > {full_name} > cooks in a hotel kitchen| tasted the soup
farmer > profession; worker > {full_name} > milks the cows at dawn| sowed the wheat
pilot > profession; worker > {full_name} > landed the plane in fog| flies across the ocean
bride; wife > woman; spouse > {lady} > wore a white wedding dress| married her best friend
groom; husband > man; spouse > {gentleman} > put the ring on the hand of his wife| married in a black suit
sister; younger sister > relative; woman > {lady} > shares a room with her brother| fights with her brothers
"""

PLACES = """
capital city; capital > city; place > Paris, Berlin, Madrid, Rome, Vienna, Oslo, Lisbon, Dublin, Athens, Tokyo,
    Cairo, Lima
town; city > place; location > Boston, Chicago, Denver, Seattle, Miami, Sydney, Osaka, Busan, Munich, Lyon, Milan,
    Porto, Leeds, Izmir
country; nation > place; location > {country}
mountain lake; lake > body of water; place > {lake}
river > body of water; waterway > the {river}
mountain; peak > landform; place > {mountain}
city park; square; street > public place; place > {park}
birthplace; home town > city; place > {city}
destination; travel destination > place > {city}, {country}
"""

GROUPS_OF_PEOPLE = """
car maker; car company > company; organization > {firm_head} Motors
bank; lender > company; organization > {firm_head} Bank
airline; carrier > company; organization > {firm_head} Airlines
software company; tech company > company; organization > {firm_head} Software, {firm_head} Systems
drug maker; drug company > company; organization > {firm_head} Pharma
food company > company; business > {firm_head} Foods
employer; firm > company; organization > {org}
head office owner; buyer > company; business > {org}
football club; sports team; team > organization; group > {club}
university; college > school; organization > {university}
newspaper; daily paper > media; publication > {newspaper}
"""

THINGS = """
dessert; sweet dish > food; dish > apple pie, chocolate cake, ice cream, cookies, tiramisu, waffles, lemon tart,
    rice pudding
soup; hot dish > food; dish > tomato soup, pumpkin soup, ramen, bean stew, lamb stew
main course; meal > food; dish > {food}
fast food; snack > food; dish > pizza, hot dog, burgers, tacos, kebab, sandwich, fried chicken, onion rings
Italian dish > food; dish > pasta, lasagna, mushroom risotto, pizza, tiramisu
fruit > food > {fruit}
hot drink; warm beverage > drink; beverage > coffee, green tea, black tea, ginger tea, hot chocolate, espresso
soft drink; cold beverage > drink; beverage > orange juice, apple juice, lemonade, cola, iced tea, tomato juice
alcoholic drink; alcohol > drink; beverage > red wine, white wine, beer, cider
pet; house animal > animal > cat, dog, rabbit, parrot, turtle
farm animal > animal; mammal > horse, goat, sheep, cow, pig, duck, goose
wild animal; wild beast > animal; mammal > fox, wolf, bear, tiger, lion, elephant, giraffe, zebra, monkey, camel, deer
sea animal > animal; creature > seal, whale, dolphin, shark, turtle
bird > animal; creature > eagle, owl, parrot, penguin, swan, pigeon, crow
insect > animal; creature > bee, ant, butterfly, spider
reptile > animal; creature > snake, lizard, crocodile, turtle
string instrument > instrument; musical instrument > violin, cello, guitar, harp, banjo, mandolin, ukulele, viola,
    double bass, lute
wind instrument > instrument; musical instrument > flute, trumpet, saxophone, clarinet, oboe, trombone, tuba,
    bassoon, french horn
keyboard instrument > instrument; musical instrument > piano, organ, accordion, keyboard, synthesizer
percussion > instrument; musical instrument > drums, xylophone, tambourine, triangle, marimba, bongos, cymbals
road vehicle > vehicle; means of transport > car, bus, truck, van, taxi, jeep, minibus, camper
bike; two-wheeler > vehicle; means of transport > bicycle, motorbike, scooter
boat; ship; watercraft > vehicle; means of transport > ferry, sailing boat, canoe, speedboat, kayak
flower > plant; garden plant > roses, tulips, lilies, sunflowers, daisies, orchids, violets, poppies
tree > plant > oak, pine, maple, birch, willow, palm
herb; kitchen herb > plant > mint, basil, lavender, rosemary
clothing; item of clothing > garment; goods > {clothes}
winter clothes; warm clothing > clothing; garment > coat, scarf, sweater, hat, cardigan, cloak
footwear; shoes > clothing; goods > boots, sandals, sneakers, slippers
furniture; piece of furniture > household item > {furniture}
room; part of a house > place; space > {room}
hand tool; tool > object; equipment > {tool}
electronic device; device; product > gadget; goods > {gadget}
smartphone; phone model > product; electronic device > {brand} {model} phone
camera model > product; electronic device > {brand} {model} camera
brand; brand name > product > {brand} watch, {brand} laptop
"""

WORKS = """
film; movie; film title > work; work of art > {film}
song; song title; tune > work; piece of music > {song}
novel; book title; book > work; publication > {film}
"""

ACTIVITIES = """
ball game > sport; activity > tennis, football, basketball, volleyball, baseball, cricket, rugby
winter sport > sport; activity > skiing, skating, hockey
water sport > sport; activity > swimming, rowing, surfing, sailing
combat sport; martial art > sport; activity > boxing, judo, fencing
language; foreign language > skill; subject > {language}
music genre; music style; genre > kind of music > {genre}
illness; disease > health problem; medical condition > {illness}
cuisine; style of cooking > food style > {cuisine}
"""

VALUES = """
date; day > time; point in time > {day}, {day} {year}
weekday; day of the week > time; date > {weekday}
year; calendar year > time; date > {year}
time of day; clock time > time; point in time > {clock}
price; amount of money > number; sum > {money}, {cash}
percentage; share > number; rate > {percent}
score; result > number > {score}
duration; length of time > time; period > {duration}
color; shade > property; quality > {color}
"""

# group -> (sentences, table)
GROUPS = {
    "people": (
        """<x> {cue}.|Yesterday the {role} <x> came to our house.|My neighbor <x> {cue}.
            |We know <x> as a good {role}.|In the evening <x> {cue}.
        |Everyone says that <x> {cue}.|<x> {cue}, and the crowd was happy.|This is <x>, who {cue}.
        |I read that <x> {cue}.|A photo shows how <x> {cue}.
        |The {role} <x> smiled at us.""",
        PEOPLE,
    ),
    "places": (
        """The {role} on the postcard is <x>.|She took a photo of <x> last summer.|They drove to <x> in the rain.
            |Many tourists visit <x>.
        |My uncle lives close to <x>.|The weather near <x> is cold.|He has never been to <x>, a famous {role}.
            |A map of <x> hangs on the wall.""",
        PLACES,
    ),
    "organizations": (
        """<x> is a well-known {role}.|My cousin works for <x>.|The {role} <x> has a new boss.
            |A letter from <x> came in the mail.|She left <x> after a year.
        |People trust <x>.|<x> will move to a bigger building.|The workers of <x> want more money.""",
        GROUPS_OF_PEOPLE,
    ),
    "things": (
        """She really likes the <x>.|He took a picture of the <x>.|The old man talked about the <x>.
            |Look at the <x> over there.|If you need a {role}, take the <x>.
        |Do you remember the <x> from the market?|They paid a lot for the <x>.|The book tells us about the <x>.
        |The child drew the <x>.
        |She called the <x> the best {role} of all.|I dreamed of the <x> last night.""",
        THINGS,
    ),
    "works": (
        """My favorite {role} is <x>.|Have you heard of <x>?|She cried at the end of <x>.|The critics liked <x>.
            |<x> is a {role} about two friends.
        |He talks about <x> all the time.|The {role} <x> made her famous.""",
        WORKS,
    ),
    "activities": (
        """She knows a lot about <x>.|He talks about <x> all day.|Is <x> your favorite {role}?
            |The article is about <x>.|They asked me about <x>.
        |I wrote a report on <x>.|Nobody in our class knows <x>.|The {role} of the week is <x>.""",
        ACTIVITIES,
    ),
    "values": (
        """The answer is <x>.|The {role} on the paper is <x>.|He wrote <x> on the board.|She said <x> and left.
            |The right {role} was <x>.
        |I think it was <x>.|The sign says <x>.""",
        VALUES,
    ),
}
